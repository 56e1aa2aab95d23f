# One image for web, workers and scheduler; compose.yaml says which is which. It is production
# unless told otherwise: without SECRET_KEY, ENCRYPTION_KEY and PUBLIC_URL it does not start.
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
ENV ENVIRONMENT=production DATA_DIR=/var/lib/quanbao
VOLUME /var/lib/quanbao
USER quanbao
# Nobody outside speaks to gunicorn: a buffering proxy stands in front (deploy/nginx.conf).
CMD ["gunicorn", "-c", "scripts/web_server.py", "--bind", "127.0.0.1:8000", "wsgi:app"]
