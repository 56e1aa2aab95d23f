<?php
// 签名调用收银接口 · a signed call of the till API. PHP ≥ 7.2, no library.
//
//   QB_URL=http://127.0.0.1:8000 QB_KEY=k01 QB_SECRET=p01 \
//       php till.php POST /pos/v1/members/identify '{"phone":"13800000000"}'

function authorization($key, $secret, $method, $path, $body, $timestamp, $nonce)
{
    $text = "$method\n$path\n$timestamp\n$nonce\n$body\n";
    $signature = base64_encode(hash_hmac('sha256', $text, $secret, true));
    return "QB1-HMAC-SHA256 key=\"$key\",timestamp=\"$timestamp\",nonce=\"$nonce\",signature=\"$signature\"";
}

[$method, $path, $body] = [$argv[1], $argv[2], $argv[3] ?? ''];
$header = authorization(
    getenv('QB_KEY'), getenv('QB_SECRET'), $method, $path, $body,
    getenv('QB_TIMESTAMP') ?: (string) time(), getenv('QB_NONCE') ?: bin2hex(random_bytes(16))
);
if (getenv('QB_SIGN_ONLY')) {
    echo $header, "\n";
    exit(0);
}
$answer = file_get_contents(getenv('QB_URL') . $path, false, stream_context_create(['http' => [
    'method' => $method,
    'header' => "Authorization: $header\r\nContent-Type: application/json\r\n",
    'content' => $body,
    'timeout' => 10,
    'ignore_errors' => true,
]]));
echo $answer, "\n";
exit(preg_match('/ [23]\d\d /', $http_response_header[0] ?? '') ? 0 : 1);
