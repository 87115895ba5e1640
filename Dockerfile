# A page with the explorer, for everybody with the token: docs/install.md, "A page for everybody".
#     docker build -t cnnvis . && docker run --rm -p 127.0.0.1:8866:8866 cnnvis
FROM python:3.12-slim

ENV PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 TF_CPP_MIN_LOG_LEVEL=3 \
    OMP_NUM_THREADS=2 TF_NUM_INTRAOP_THREADS=2 TF_NUM_INTEROP_THREADS=1

WORKDIR /source
COPY . .
RUN pip install ".[cpu,demo,widgets]" "voila>=0.5.13" ipykernel \
    && install -D docker/serve.py /srv/serve.py \
    && install -D notebooks/explorer_app.ipynb /srv/page/explorer_app.ipynb \
    && rm -rf /source \
    && useradd --create-home visitor

# visitors' kernels must not write here, and own nothing but an empty home
USER visitor
WORKDIR /srv/page
EXPOSE 8866
CMD ["python", "/srv/serve.py"]
