using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;

namespace MappingNets.Examples.Cluster;

/// <summary>One worker: a silo, and a trainer beside it.</summary>
internal static class Worker
{
    /// <summary>Trains, and prints a line for each step, "step 12 of 465, 3 workers, 106,496 bytes sent, loss 0.512", and one for the result.</summary>
    /// <exception cref="OperationCanceledException">It was told to end, by Ctrl-C or SIGTERM; the others go on.</exception>
    public static async Task<int> Run(Settings settings)
    {
        var builder = Host.CreateApplicationBuilder();
        // Orleans reports every silo that it cannot reach, which is what the demonstration brings about; and the host what the program ends with anyway.
        builder.Logging.SetMinimumLevel(LogLevel.Error).AddFilter("Orleans", LogLevel.Critical).AddFilter("Polly", LogLevel.Critical).AddFilter("Microsoft", LogLevel.Critical);
        builder.UseOrleans(silo => Join(silo, settings));
        using var host = builder.Build();
        await host.StartAsync();

        var (train, test) = Settings.Data(settings);
        using (train)
        using (test)
        {
            using var model = Settings.Model();
            var trainer = new ClusterTrainer(
                host.Services.GetRequiredService<IClusterClient>(), settings.Run, model, Settings.Training(settings),
                new ClusterTrainingOptions { Workers = 3, Deadline = TimeSpan.FromSeconds(4) });
            var lines = new Lines(trainer);
            var stopping = host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
            var report = await trainer.FitAsync(train, progress: lines, cancellation: stopping);
            Console.WriteLine(WorkerResult.Of(model, report, trainer.BytesSent, train, test));
        }

        await host.StopAsync();
        return 0;
    }

    private static void Join(ISiloBuilder silo, Settings settings)
    {
        silo.Configure<Orleans.Configuration.ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = ("mappingnets", "mappingnets"));
        silo.ConfigureEndpoints(IPAddress.Parse(settings.Address), settings.Port, settings.Port + Settings.ClientsAbove);
        silo.UseRedisClustering(redis => redis.ConfigurationOptions = settings.RedisOptions());
        silo.AddRedisGrainStorage(ClusterHosting.StorageName, redis => redis.ConfigurationOptions = settings.RedisOptions());
        silo.AddMappingNetsTraining();
        // A process that was killed is noticed after four seconds, and not after fifteen. Where all were, nobody is there to notice it: new
        // ones wait for the old until these have not shown themselves in the table for thirty seconds, and not for ninety.
        silo.Configure<ClusterMembershipOptions>(members =>
        {
            (members.ProbeTimeout, members.NumMissedProbesLimit, members.NumVotesForDeathDeclaration) = (TimeSpan.FromSeconds(2), 2, 1);
            (members.IAmAliveTablePublishTimeout, members.NumMissedTableIAmAliveLimit) = (TimeSpan.FromSeconds(10), 3);
        });
        if (settings is { Certificate: { } certificate, Authority: { } authority })
            silo.UseMutualTls(X509Certificate2.CreateFromPemFile(certificate), X509CertificateLoader.LoadCertificateFromFile(authority));
    }

    private sealed class Lines(ClusterTrainer trainer) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"step {((value.Epoch - 1) * value.StepsPerEpoch) + value.Step} of {value.Epochs * value.StepsPerEpoch}, {trainer.Workers} workers, {trainer.BytesSent:N0} bytes sent, loss {value.Loss:0.000}"));
    }
}
