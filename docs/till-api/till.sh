#!/bin/sh
# 签名调用收银接口 · a signed call of the till API. POSIX shell, openssl, curl.
#
#   QB_URL=http://127.0.0.1:8000 QB_KEY=k01 QB_SECRET=p01 \
#       sh till.sh POST /pos/v1/members/identify '{"phone":"13800000000"}'
set -eu

method=$1 path=$2 body=${3:-}
timestamp=${QB_TIMESTAMP:-$(date +%s)}
nonce=${QB_NONCE:-$(openssl rand -hex 16)}
secret_hex=$(printf %s "$QB_SECRET" | od -An -v -tx1 | tr -d ' \n')
signature=$(printf '%s\n%s\n%s\n%s\n%s\n' "$method" "$path" "$timestamp" "$nonce" "$body" |
    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$secret_hex" -binary | openssl base64 -A)
header="QB1-HMAC-SHA256 key=\"$QB_KEY\",timestamp=\"$timestamp\",nonce=\"$nonce\",signature=\"$signature\""

if [ -n "${QB_SIGN_ONLY:-}" ]; then
    printf '%s\n' "$header"
elif [ -n "$body" ]; then
    curl -sS --max-time 10 --fail-with-body -X "$method" "$QB_URL$path" \
        -H "Authorization: $header" -H 'Content-Type: application/json' --data-binary "$body"
else
    curl -sS --max-time 10 --fail-with-body -X "$method" "$QB_URL$path" -H "Authorization: $header"
fi
