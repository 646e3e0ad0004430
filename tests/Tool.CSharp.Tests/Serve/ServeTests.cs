using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Xunit;

namespace MappingNets.Tests.Serve;

/// <summary>examples/Serve over HTTP: who answers, what is refused, and a file that takes an adapter's place.</summary>
public sealed class ServeTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly byte[] Shirt = Pictures.Grey(28, [.. Enumerable.Range(0, 28 * 28).Select(place => (byte)(place * 7))]);

    private readonly TenantService service = new();
    private readonly HttpClient client = new();

    public async Task InitializeAsync()
    {
        await service.Start();
        client.BaseAddress = service.Address;
    }

    public async Task DisposeAsync()
    {
        client.Dispose();
        await service.DisposeAsync();
    }

    [Fact]
    public async Task The_adapter_that_is_named_answers()
    {
        var scores = await Scores("shop");
        Assert.Equal(service.Expected(1, Shirt), scores, Near);
        Assert.NotEqual(await Scores(null), scores);
    }

    [Fact]
    public async Task Requests_that_come_together_get_each_their_own_adapters_answer()
    {
        var (shop, plain) = (await Scores("shop"), await Scores(null));
        var together = await Task.WhenAll(Enumerable.Range(0, 40).Select(async number => (number, scores: await Scores(number % 2 == 0 ? "shop" : null))));
        Assert.All(together, answer => Assert.Equal(answer.number % 2 == 0 ? shop : plain, answer.scores, Near));
    }

    // While it comes, a body keeps one of the turns that all clients share.
    [Fact]
    public void The_largest_body_is_over_within_a_minute_or_broken_off()
    {
        var (longest, slowest) = (service.Limits.MaxRequestBodySize!.Value, service.Limits.MinRequestBodyDataRate!);
        Assert.InRange(slowest.GracePeriod.TotalSeconds + (longest / slowest.BytesPerSecond), 1, 60);
    }

    [Fact]
    public async Task An_unknown_adapter_and_a_body_that_is_no_picture_are_refused_by_name()
    {
        using var unknown = await client.PostAsync("/predict?adapter=nobody", new ByteArrayContent(Shirt));
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
        Assert.Contains("'nobody'", await unknown.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        using var text = await client.PostAsync("/predict?adapter=shop", new StringContent("no picture"));
        Assert.Equal(HttpStatusCode.BadRequest, text.StatusCode);
        await Scores("shop");
        var metrics = await client.GetStringAsync("/metrics");
        Assert.Contains("predictions_total{adapter=\"shop\"} 1\n", metrics, StringComparison.Ordinal);
        Assert.Contains("refused_total 2\n", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_takes_its_adapters_place_and_a_broken_one_does_not()
    {
        service.Drop("shop", 2);
        await Until("shop", entry => entry.GetProperty("times").GetInt32() > 1);
        Assert.Equal(service.Expected(2, Shirt), await Scores("shop"), Near);

        service.DropBroken("shop");
        await Until("shop", entry => entry.GetProperty("fault").GetString() is not null);
        Assert.Equal(service.Expected(2, Shirt), await Scores("shop"), Near);
    }

    [Fact]
    public async Task A_file_without_a_name_is_refused_and_the_next_one_is_served()
    {
        service.Drop("", 2);
        await Until("", entry => entry.GetProperty("fault").GetString() is not null);
        service.Drop("outlet", 3);
        await Until("outlet", entry => entry.GetProperty("fault").GetString() is null);
    }

    [Fact]
    public async Task A_picture_of_more_pixels_than_a_request_may_cost_is_refused()
    {
        using var large = await client.PostAsync("/predict?adapter=shop", new ByteArrayContent(Pictures.Grey(2001, new byte[2001 * 2001])));
        Assert.Equal(HttpStatusCode.BadRequest, large.StatusCode);
        Assert.Contains("2001", await large.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await Scores("shop");
    }

    [Fact]
    public async Task Who_comes_while_all_places_are_taken_by_unfinished_bodies_is_told_to_come_later()
    {
        using var stop = new CancellationTokenSource(Patience);
        // Not by HttpClient, which reads no answer before it has sent its body.
        var callers = Enumerable.Range(0, 200).Select(_ => new TcpClient()).ToArray();
        try
        {
            // Where so many take seconds to connect, the first answer may be one to a body that came too slowly.
            var open = callers.Select(caller => AnswerToUnfinishedBody(caller, stop.Token)).ToList();
            string? answer;
            do
            {
                var next = await Task.WhenAny(open);
                open.Remove(next);
                answer = await next;
            }
            while (answer?.StartsWith("HTTP/1.1 503", StringComparison.Ordinal) != true && open.Count > 0);
            Assert.StartsWith("HTTP/1.1 503", answer);
        }
        finally
        {
            foreach (var caller in callers)
                caller.Dispose();
        }

        // The service hears by and by that they have gone.
        using var later = new CancellationTokenSource(Patience);
        while (await Ask("shop", later.Token) is var answer)
            using (answer)
                if (answer.StatusCode != HttpStatusCode.ServiceUnavailable)
                {
                    await ScoresOf(answer);
                    return;
                }
    }

    private static bool Near(float one, float other) => MathF.Abs(one - other) <= 1e-4f * (1 + MathF.Abs(one));

    private async Task<float[]> Scores(string? adapter)
    {
        using var answer = await Ask(adapter);
        return await ScoresOf(answer);
    }

    private Task<HttpResponseMessage> Ask(string? adapter, CancellationToken stop = default) =>
        client.PostAsync(adapter is null ? "/predict" : $"/predict?adapter={adapter}", new ByteArrayContent(Shirt), stop);

    private static async Task<float[]> ScoresOf(HttpResponseMessage answer)
    {
        answer.EnsureSuccessStatusCode();
        return (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("scores").Deserialize<float[]>()!;
    }

    // The folder's news come by the system, when it likes.
    private async Task Until(string adapter, Func<JsonElement, bool> holds)
    {
        using var stop = new CancellationTokenSource(Patience);
        while (true)
        {
            var entries = await client.GetFromJsonAsync<JsonElement>("/adapters", stop.Token);
            if (entries.EnumerateArray().Any(entry => entry.GetProperty("name").GetString() == adapter && holds(entry)))
                return;
        }
    }

    private async Task<string?> AnswerToUnfinishedBody(TcpClient caller, CancellationToken stop)
    {
        await caller.ConnectAsync(service.Address.Host, service.Address.Port, stop);
        var stream = caller.GetStream();
        await stream.WriteAsync("POST /predict?adapter=shop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"u8.ToArray(), stop);
        using var reader = new StreamReader(stream);
        return await reader.ReadLineAsync(stop);
    }
}
