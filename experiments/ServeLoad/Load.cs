using System.Diagnostics;
using System.Net.Http.Headers;

namespace MappingNets.Experiments.ServeLoad;

/// <summary>What the clients of one round saw.</summary>
/// <param name="RequestsPerSecond">Answers in a second, of all clients together.</param>
/// <param name="P50">The time in milliseconds within which half of the requests were answered, from sending to the whole answer.</param>
/// <param name="P99">That of 99 of 100.</param>
internal sealed record LoadRound(double RequestsPerSecond, double P50, double P99);

/// <summary>Clients that send the next picture as soon as they have the answer to the last.</summary>
internal static class Load
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);

    /// <summary>A request to each adapter.</summary>
    public static async Task Each(Uri address, IEnumerable<string> adapters, byte[] picture)
    {
        using var client = new HttpClient { BaseAddress = address };
        foreach (var adapter in adapters)
            await Send(client, picture, adapter);
    }

    /// <summary>Sends for a second unmeasured and then for the round's time.</summary>
    /// <param name="address">The service.</param>
    /// <param name="clients">How many send at once, each on a connection of its own.</param>
    /// <param name="time">How long it is measured.</param>
    /// <param name="pictures">PNG files; each request sends one of them at random.</param>
    /// <param name="adapters">Whom the requests name, at random, each as often as the others.</param>
    /// <param name="seed">What chooses them.</param>
    /// <exception cref="HttpRequestException">A request was not answered by 200.</exception>
    public static async Task<LoadRound> Run(
        Uri address, int clients, TimeSpan time, IReadOnlyList<byte[]> pictures, IReadOnlyList<string> adapters, int seed)
    {
        using var handler = new SocketsHttpHandler { MaxConnectionsPerServer = clients };
        using var client = new HttpClient(handler) { BaseAddress = address };
        var began = Stopwatch.StartNew();
        var answers = await Task.WhenAll(Enumerable.Range(0, clients).Select(number => Task.Run(async () =>
        {
            var random = new Random(HashCode.Combine(seed, number));
            var times = new List<double>();
            while (began.Elapsed < WarmUp + time)
            {
                var sent = began.Elapsed;
                await Send(client, pictures[random.Next(pictures.Count)], adapters[random.Next(adapters.Count)]);
                if (sent >= WarmUp)
                    times.Add((began.Elapsed - sent).TotalMilliseconds);
            }

            return times;
        })));
        var seconds = (began.Elapsed - WarmUp).TotalSeconds;
        double[] sorted = [.. answers.SelectMany(times => times).Order()];
        return new(sorted.Length / seconds, Quantile(0.5), Quantile(0.99));

        // The least time within which that share was answered.
        double Quantile(double share) => sorted[(int)Math.Ceiling(share * sorted.Length) - 1];
    }

    private static async Task Send(HttpClient client, byte[] picture, string adapter)
    {
        using var body = new ByteArrayContent(picture);
        body.Headers.ContentType = new MediaTypeHeaderValue("image/png");
        using var answer = await client.PostAsync($"/predict?adapter={adapter}", body);
        answer.EnsureSuccessStatusCode();
        _ = await answer.Content.ReadAsByteArrayAsync();
    }
}
