const INTERVAL = 1000 / 15; // milliseconds; nothing between page and kernel slows down a fast sender

const clamp = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));

// Returns a function that sends the newest message, at most 15 times a second, and urgent messages at once.
// Its drop() forgets the message that waits.
function paced(send) {
  let waiting = null;
  let timer = 0;
  let last = 0;
  const flush = () => {
    timer = 0;
    if (waiting === null) return;
    last = performance.now();
    send(waiting);
    waiting = null;
  };
  const put = (message, urgent = false) => {
    waiting = message;
    if (!urgent && timer) return;
    clearTimeout(timer);
    const due = urgent ? 0 : last + INTERVAL - performance.now();
    if (due <= 0) flush();
    else timer = setTimeout(flush, due);
  };
  put.drop = () => {
    clearTimeout(timer);
    timer = 0;
    waiting = null;
  };
  return put;
}
