// 签名调用收银接口 · a signed call of the till API. C#, .NET Framework 4.5 / .NET 6 or newer, no package.
//
//   QB_URL=http://127.0.0.1:8000 QB_KEY=k01 QB_SECRET=p01 \
//       Till POST /pos/v1/members/identify '{"phone":"13800000000"}'

using System;
using System.Net.Http;
using System.Security.Cryptography;
using System.Text;

public static class Till
{
    public static string Authorization(string key, string secret, string method, string path,
        string body, string timestamp, string nonce)
    {
        var text = method + "\n" + path + "\n" + timestamp + "\n" + nonce + "\n" + body + "\n";
        using (var mac = new HMACSHA256(Encoding.UTF8.GetBytes(secret)))
        {
            var signature = Convert.ToBase64String(mac.ComputeHash(Encoding.UTF8.GetBytes(text)));
            return "QB1-HMAC-SHA256 key=\"" + key + "\",timestamp=\"" + timestamp
                + "\",nonce=\"" + nonce + "\",signature=\"" + signature + "\"";
        }
    }

    public static int Main(string[] args)
    {
        string method = args[0], path = args[1], body = args.Length > 2 ? args[2] : "";
        var timestamp = Environment.GetEnvironmentVariable("QB_TIMESTAMP")
            ?? DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString();
        var nonce = Environment.GetEnvironmentVariable("QB_NONCE") ?? Guid.NewGuid().ToString("N");
        var header = Authorization(Environment.GetEnvironmentVariable("QB_KEY"),
            Environment.GetEnvironmentVariable("QB_SECRET"), method, path, body, timestamp, nonce);
        if (Environment.GetEnvironmentVariable("QB_SIGN_ONLY") != null)
        {
            Console.WriteLine(header);
            return 0;
        }
        using (var client = new HttpClient { Timeout = TimeSpan.FromSeconds(10) })
        using (var request = new HttpRequestMessage(new HttpMethod(method),
            Environment.GetEnvironmentVariable("QB_URL") + path))
        {
            request.Headers.TryAddWithoutValidation("Authorization", header);
            if (body != "")
            {
                request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
                request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
            }
            var answer = client.SendAsync(request).GetAwaiter().GetResult();
            Console.WriteLine(answer.Content.ReadAsStringAsync().GetAwaiter().GetResult());
            return answer.IsSuccessStatusCode ? 0 : 1;
        }
    }
}
