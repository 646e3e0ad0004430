using System.Globalization;
using System.Net;
using StackExchange.Redis;
using TorchSharp;

namespace MappingNets.Examples.Cluster;

/// <summary>What the program is told.</summary>
internal sealed record Settings
{
    public bool IsWorker { get; init; }

    /// <summary>The run; workers of one name train together.</summary>
    public string Run { get; init; } = "cnn2";

    /// <summary>Host and port of Redis; its password comes from the environment variable MAPPINGNETS_REDIS_PASSWORD.</summary>
    public string Redis { get; init; } = "127.0.0.1:6379";

    /// <summary>How far the port for clients is above the one for silos.</summary>
    public const int ClientsAbove = 1000;

    /// <summary>The port of the worker's silo for other silos; the one for clients is <see cref="ClientsAbove"/> it.</summary>
    public int Port { get; init; } = 11111;

    /// <summary>This machine's address, at which the other workers reach it.</summary>
    public string Address { get; init; } = "127.0.0.1";

    public int Epochs { get; init; } = 1;

    /// <summary>How many training images, and test images where there are as many; all where 0.</summary>
    public int Samples { get; init; }

    /// <summary>Whether the images are random, for a quick look at the machinery: nothing can be learnt from them.</summary>
    public bool IsSynthetic { get; init; }

    /// <summary>A PEM file of the worker's certificate and key, and one of the authority's; none where null.</summary>
    public string? Certificate { get; init; }

    public string? Authority { get; init; }

    /// <summary>Whether the demonstration trains in one process too, and compares bits.</summary>
    public bool Compares { get; init; }

    /// <summary>Three workers have the batch of 128, one more, dealt out evenly.</summary>
    public static TrainingOptions Training(Settings settings) =>
        new() { Epochs = settings.Epochs, BatchSize = 43, GradientAccumulation = 3, Seed = 1 };

    public static MappedModel Model() => MappingNetwork.For(Targets.Cnn2()).SingleLatent(2048).WithSeed(1).Build();

    /// <summary>The training images and the test images.</summary>
    public static (Dataset Train, Dataset Test) Data(Settings settings)
    {
        if (settings.IsSynthetic)
            return (Noise(settings.Samples, 1), Noise(100, 2));
        var (train, test) = FashionMnist.Load();
        if (settings.Samples == 0)
            return (train, test);
        using (train)
        using (test)
            return (train.Take(settings.Samples), test.Take(Math.Min(settings.Samples, test.Count)));
    }

    private static Dataset Noise(int count, ulong seed)
    {
        using var scope = torch.NewDisposeScope();
        using var generator = new torch.Generator(seed);
        return Dataset.FromTensors(
            torch.randn([count, 1, 28, 28], generator: generator), torch.randint(10, [count], dtype: torch.int64, generator: generator),
            [.. Enumerable.Range(0, 10).Select(number => $"class {number}")]);
    }

    /// <summary>How Redis is reached.</summary>
    public ConfigurationOptions RedisOptions()
    {
        var options = ConfigurationOptions.Parse(Redis);
        options.Password = Environment.GetEnvironmentVariable("MAPPINGNETS_REDIS_PASSWORD");
        return options;
    }

    public static Settings Parse(string[] args)
    {
        var settings = new Settings { IsWorker = args.FirstOrDefault() == "worker" };
        for (var place = settings.IsWorker ? 1 : 0; place < args.Length; place++)
        {
            string Value() => ++place < args.Length ? args[place] : throw new ArgumentException($"{args[^1]} needs a value.");
            int Number() => int.TryParse(Value(), CultureInfo.InvariantCulture, out var number) && number > 0
                ? number : throw new ArgumentException($"{args[place - 1]} takes a whole number of at least 1; '{args[place]}' is none.");
            settings = args[place] switch
            {
                "--run" => settings with { Run = Value() },
                "--redis" => settings with { Redis = Value() },
                "--port" => settings with { Port = Number() },
                "--address" => settings with { Address = Value() },
                "--epochs" => settings with { Epochs = Number() },
                "--samples" => settings with { Samples = Number() },
                "--certificate" => settings with { Certificate = Value() },
                "--authority" => settings with { Authority = Value() },
                "--synthetic" => settings with { IsSynthetic = true },
                "--compare" => settings with { Compares = true },
                var other => throw new ArgumentException(
                    $"There is no '{other}'; there are worker, --run, --redis, --address, --port, --epochs, --samples, --certificate, --authority, --synthetic and --compare."),
            };
        }

        if (settings is { IsSynthetic: true, Samples: < 1 })
            throw new ArgumentException("--synthetic needs --samples.");
        if (!IPAddress.TryParse(settings.Address, out var address))
            throw new ArgumentException($"--address takes an address of this machine, such as 10.0.0.7; '{settings.Address}' is none.");
        return IPAddress.IsLoopback(address) || settings is { Certificate: not null, Authority: not null }
            ? settings
            : throw new ArgumentException($"--address {settings.Address} is reached by others: name --certificate and --authority, so that only workers may.");
    }
}
