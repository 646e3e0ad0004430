using System.Diagnostics;
using System.Text.Json;
using TorchSharp;

namespace MappingNets.Examples.Serve;

/// <summary>Measures the service over HTTP on this machine: requests a second and their times with 1 and 1,000 adapters.</summary>
internal static class LoadTest
{
    private const int Clients = 16;
    private const int Requests = 4_000;
    private const int Warming = 400;

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    private sealed record Row(int Adapters, int KeptAdapters, double RequestsPerSecond, double P50Milliseconds, double P99Milliseconds, double PrivateMegabytes);

    public static async Task Run(string file)
    {
        var folder = Directory.CreateTempSubdirectory("mappingnets-serve-").FullName;
        try
        {
            using var network = Tenants.Prepare(folder);
            var rows = new List<Row>();
            foreach (var (count, kept) in new[] { (1, 16), (1_000, 16), (1_000, 1_000) })
                rows.Add(await Measure(network, folder, count, kept));
            var report = new
            {
                data = "FashionMNIST (real data); tenants' adapters are one adapter under many names",
                machine = new { processors = Environment.ProcessorCount, torchThreads = torch.get_num_threads() },
                clients = Clients,
                requests = Requests,
                network = network.Target.Name,
                weights = network.Target.ParameterCount,
                rows,
            };
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
            await File.WriteAllTextAsync(file, JsonSerializer.Serialize(report, Indented) + "\n");
            foreach (var row in rows)
                Console.WriteLine(
                    $"{row.Adapters:N0} adapters, weights of {row.KeptAdapters:N0} kept: {row.RequestsPerSecond:N0} requests/s, median {row.P50Milliseconds:F1} ms, "
                    + $"p99 {row.P99Milliseconds:F1} ms, {row.PrivateMegabytes:N0} MB");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<Row> Measure(PretrainedNetwork network, string folder, int adapters, int kept)
    {
        var drops = Directory.CreateDirectory(Path.Combine(folder, $"{adapters}-{kept}")).FullName;
        for (var index = 0; index < adapters; index++)
            File.Copy(Path.Combine(folder, "plain.safetensors"), Path.Combine(drops, $"{index}.safetensors"));
        await using var app = Service.Build(network, drops, ["--urls", "http://127.0.0.1:0"]);
        app.Services.GetRequiredService<AdapterHost>().KeptAdapters = kept;
        await app.StartAsync();
        using var client = new HttpClient { BaseAddress = new(app.Urls.First()) };
        var picture = await Pictures.Png();
        await Ask(client, picture, adapters, Warming);
        var started = Stopwatch.GetTimestamp();
        var times = await Ask(client, picture, adapters, Requests);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        await app.StopAsync();
        Array.Sort(times);
        using var process = Process.GetCurrentProcess();
        return new(
            adapters, kept, Math.Round(Requests / seconds), Math.Round(times[Requests / 2], 2), Math.Round(times[Requests * 99 / 100], 2),
            Math.Round(process.PrivateMemorySize64 / 1e6));
    }

    private static async Task<double[]> Ask(HttpClient client, byte[] picture, int adapters, int requests)
    {
        var times = new double[requests];
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async _ =>
        {
            for (var number = Interlocked.Increment(ref next); number < requests; number = Interlocked.Increment(ref next))
            {
                var started = Stopwatch.GetTimestamp();
                // A stride that is prime to 1,000 goes through all adapters in an order that no cache foresees.
                using var answer = await client.PostAsync($"/predict?adapter={number * 7919L % adapters}", new ByteArrayContent(picture));
                answer.EnsureSuccessStatusCode();
                times[number] = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            }
        }));
        return times;
    }
}
