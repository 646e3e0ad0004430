using System.Net;
using System.Net.Http.Json;
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

    private static bool Near(float one, float other) => MathF.Abs(one - other) <= 1e-4f * (1 + MathF.Abs(one));

    private async Task<float[]> Scores(string? adapter)
    {
        using var answer = await client.PostAsync(adapter is null ? "/predict" : $"/predict?adapter={adapter}", new ByteArrayContent(Shirt));
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
}
