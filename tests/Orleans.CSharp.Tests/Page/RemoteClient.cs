using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Hosting;
using StackExchange.Redis;

namespace MappingNets.Tests;

/// <summary>The client of docs/cluster.md, here so that it is compiled and what it is set to is tested.</summary>
internal static class RemoteClient
{
    public static IHost Built(string[] args, ConfigurationOptions store, X509Certificate2 certificate, X509Certificate2 authority)
    {
        // <page>
        var builder = Host.CreateApplicationBuilder(args);
        builder.UseOrleansClient(client => client
            .Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = ("training", "training"))
            .UseRedisClustering(redis => redis.ConfigurationOptions = store)
            .UseMutualTls(certificate, authority)
            .AddMappingNetsTraining());
        // </page>
        return builder.Build();
    }
}
