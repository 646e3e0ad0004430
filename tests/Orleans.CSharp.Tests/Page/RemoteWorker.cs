using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Hosting;
using StackExchange.Redis;

namespace MappingNets.Tests;

/// <summary>The hosts of docs/cluster.md for several machines, here so that they are compiled.</summary>
internal static class RemoteWorker
{
    public static IHost Silo(string[] args)
    {
        // <page>
        var store = ConfigurationOptions.Parse("store:6379");
        store.Password = Environment.GetEnvironmentVariable("REDIS_PASSWORD");
        store.Ssl = true;                                                                          // for the password, and the state of runs
        var certificate = X509Certificate2.CreateFromPemFile("worker.pem");                        // with its key
        var authority = X509CertificateLoader.LoadCertificateFromFile("authority.pem");            // who signed it

        var builder = Host.CreateApplicationBuilder(args);
        builder.UseOrleans(silo => silo
            .Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = ("training", "training"))
            .ConfigureEndpoints(IPAddress.Parse("10.0.0.7"), siloPort: 11111, gatewayPort: 30000)  // this machine, as the others reach it
            .UseRedisClustering(redis => redis.ConfigurationOptions = store)
            .AddRedisGrainStorage(ClusterHosting.StorageName, redis => redis.ConfigurationOptions = store)
            .UseMutualTls(certificate, authority)
            .AddMappingNetsTraining());
        // </page>
        return builder.Build();
    }
}
