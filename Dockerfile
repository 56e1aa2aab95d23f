# One image for web, workers and scheduler; compose.yaml says which is which.
FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TZ=Asia/Shanghai
RUN apt-get update \
    && apt-get install -y --no-install-recommends tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home quanbao
WORKDIR /srv/quanbao
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY . .
RUN mkdir -p /var/lib/quanbao && chown quanbao /var/lib/quanbao
ENV DATA_DIR=/var/lib/quanbao
VOLUME /var/lib/quanbao
USER quanbao
EXPOSE 8000
CMD ["gunicorn", "-c", "scripts/web_server.py", "--bind", "0.0.0.0:8000", "wsgi:app"]
