// 签名调用收银接口 · a signed call of the till API. Java ≥ 11, no library.
//
//   QB_URL=http://127.0.0.1:8000 QB_KEY=k01 QB_SECRET=p01 \
//       java Till.java POST /pos/v1/members/identify '{"phone":"13800000000"}'

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.UUID;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public class Till {
    static String authorization(String key, String secret, String method, String path, String body,
            String timestamp, String nonce) throws Exception {
        String text = method + "\n" + path + "\n" + timestamp + "\n" + nonce + "\n" + body + "\n";
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
        String signature = Base64.getEncoder()
                .encodeToString(mac.doFinal(text.getBytes(StandardCharsets.UTF_8)));
        return "QB1-HMAC-SHA256 key=\"" + key + "\",timestamp=\"" + timestamp
                + "\",nonce=\"" + nonce + "\",signature=\"" + signature + "\"";
    }

    public static void main(String[] args) throws Exception {
        String method = args[0], path = args[1], body = args.length > 2 ? args[2] : "";
        String timestamp = System.getenv().getOrDefault("QB_TIMESTAMP",
                Long.toString(System.currentTimeMillis() / 1000));
        String nonce = System.getenv().getOrDefault("QB_NONCE",
                UUID.randomUUID().toString().replace("-", ""));
        String header = authorization(System.getenv("QB_KEY"), System.getenv("QB_SECRET"),
                method, path, body, timestamp, nonce);
        if (System.getenv("QB_SIGN_ONLY") != null) {
            System.out.println(header);
            return;
        }
        HttpRequest request = HttpRequest.newBuilder(URI.create(System.getenv("QB_URL") + path))
                .timeout(Duration.ofSeconds(10))
                .header("Authorization", header)
                .header("Content-Type", "application/json")
                .method(method, HttpRequest.BodyPublishers.ofString(body))
                .build();
        HttpResponse<String> answer = HttpClient.newHttpClient()
                .send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println(answer.body());
        System.exit(answer.statusCode() < 400 ? 0 : 1);
    }
}
