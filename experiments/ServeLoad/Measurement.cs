using System.Globalization;

namespace MappingNets.Experiments.ServeLoad;

/// <summary>How long and how often to measure.</summary>
internal sealed record Settings
{
    /// <summary>Seconds of a round.</summary>
    public int Seconds { get; init; } = 10;

    /// <summary>Rounds of a case.</summary>
    public int Rounds { get; init; } = 5;

    /// <summary>Threads of libtorch in the service.</summary>
    public int Threads { get; init; } = 1;
}

/// <summary>Runs the cases in turn, round by round, so that whatever else the machine does meets all of them.</summary>
internal static class Measurement
{
    private const int Many = 1000;
    private const int Kept = 16;

    private static readonly (string Name, int Adapters, int Kept)[] Services =
        [("1 adapter", 1, Kept), ($"{Many:N0} adapters, {Kept} kept", Many, Kept), ($"{Many:N0} adapters, all kept", Many, Many)];

    private static readonly int[] Clients = [1, 8, 64];

    /// <param name="settings">How long and how often.</param>
    /// <param name="stop">Ends the services, which would otherwise outlive this process.</param>
    public static async Task<LoadReport> Run(Settings settings, CancellationToken stop)
    {
        using var work = new Scratch();
        var pictures = Workload.Prepare(work.Path, Many, stop);
        var rounds = new Dictionary<(string Service, int Clients), List<LoadRound>>();
        var services = new List<(string Name, ServiceProcess Process, string[] Adapters)>();
        try
        {
            foreach (var (name, adapters, kept) in Services)
            {
                Console.WriteLine($"Starting the service with {name}.");
                services.Add((name, await ServiceProcess.Start(Workload.Folder(work.Path, adapters), kept, settings.Threads, stop), Workload.Names(adapters)));
                // Every adapter once: those that are kept have their weights from then on.
                await Load.Each(services[^1].Process.Address, services[^1].Adapters, pictures[0]).WaitAsync(stop);
            }

            for (var round = 0; round < settings.Rounds; round++)
                foreach (var (name, process, adapters) in services)
                    foreach (var clients in Clients)
                    {
                        var result = await Load.Run(process.Address, clients, TimeSpan.FromSeconds(settings.Seconds), pictures, adapters, seed: round).WaitAsync(stop);
                        if (!rounds.TryGetValue((name, clients), out var list))
                            rounds.Add((name, clients), list = []);
                        list.Add(result);
                        Console.WriteLine(string.Create(
                            CultureInfo.InvariantCulture,
                            $"round {round + 1}, {name}, {clients} clients: {result.RequestsPerSecond:F0} requests/s, p50 {result.P50:F1} ms, p99 {result.P99:F1} ms"));
                    }

            return LoadReport.Of(settings, [.. rounds.Select(pair => LoadRow.Of(pair.Key.Service, pair.Key.Clients, services.First(service => service.Name == pair.Key.Service).Process.Megabytes(), pair.Value))]);
        }
        finally
        {
            foreach (var (_, process, _) in services)
                process.Dispose();
        }
    }

    private sealed class Scratch : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("serve-load-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
