// One picture from the webcam. The first click opens the webcam and shows what it sees; taking the picture closes it.
const WHY = {
  NotAllowedError: "The webcam was refused. Allow it in the browser, and click again.",
  NotFoundError: "No webcam was found.",
  NotReadableError: "The webcam is in use by another program.",
};

function render({ model, el }) {
  const make = (name) => document.createElement(name);
  const [open, take, video, message] = [make("button"), make("button"), make("video"), make("div")];
  for (const [button, label, title] of [
    [open, "Webcam", "Look through the webcam"],
    [take, "Take picture", "Take this picture and feed it to the network"],
  ]) {
    button.className = "jupyter-widgets widget-button jupyter-button cnnvis-tool";
    button.style.width = "auto";
    Object.assign(button, { textContent: label, title });
  }
  el.classList.add("cnnvis-webcam");
  Object.assign(video, { muted: true, playsInline: true, hidden: true });
  video.setAttribute("aria-label", "What the webcam sees");
  take.hidden = true;
  message.setAttribute("role", "alert");
  el.append(open, take, message, video);

  let stream = null;
  function setOpen(isOpen) {
    video.hidden = take.hidden = !isOpen;
    open.textContent = isOpen ? "Close webcam" : "Webcam";
  }
  function close() {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    setOpen(false);
  }
  function say(words) {
    message.className = words ? "cnnvis-error" : "";
    message.textContent = words;
  }
  open.addEventListener("click", async () => {
    if (stream) return close();
    say("");
    if (!navigator.mediaDevices) return say("No webcam here: browsers allow it only on https pages and on this machine.");
    open.disabled = true; // while the browser asks the user: nobody would close a second stream
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: true });
      video.srcObject = stream;
      await video.play();
      setOpen(true);
      take.focus();
    } catch (error) {
      close();
      say(WHY[error.name] ?? `No webcam: ${error.message}`);
    } finally {
      open.disabled = false;
      if (!el.isConnected) close();
    }
  });
  take.addEventListener("click", async () => {
    const canvas = Object.assign(make("canvas"), { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    const picture = await new Promise((done) => canvas.toBlob(done, "image/png"));
    model.send({ event: "picture" }, undefined, [await picture.arrayBuffer()]);
    close();
    open.focus();
  });
  return close;
}

export default { render };
