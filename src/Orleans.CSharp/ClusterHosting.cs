using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Storage;

namespace MappingNets;

/// <summary>Makes silos of Orleans hold training runs, and clients take part in them.</summary>
public static partial class ClusterHosting
{
    /// <summary>
    /// The name of the grain storage in which the state of runs lies after each epoch. Give the silo a storage of this name, such as
    /// AddRedisGrainStorage or AddAdoNetGrainStorage, and runs outlive all silos.
    /// </summary>
    public const string StorageName = "MappingNets";

    // Gradients of directly trained networks are large; those of a latent are a few kilobytes.
    internal const int LargestMessage = 1 << 30;

    /// <summary>
    /// Lets a silo hold training runs. Where it has no grain storage of the name <see cref="StorageName"/> yet, the state of runs lies in
    /// the silos' memory and ends with them; so add another storage before this call.
    /// </summary>
    /// <param name="silo">The silo, which must be in a cluster, such as by UseLocalhostClustering or UseRedisClustering.</param>
    public static ISiloBuilder AddMappingNetsTraining(this ISiloBuilder silo)
    {
        ArgumentNullException.ThrowIfNull(silo);
        if (!silo.Services.Any(service => service.IsKeyedService && service.ServiceType == typeof(IGrainStorage) && Equals(service.ServiceKey, StorageName)))
            silo.AddMemoryGrainStorage(StorageName);
        silo.Services.Configure<SiloMessagingOptions>(options => options.MaxMessageBodySize = LargestMessage);
        silo.Services.Configure<ClientMessagingOptions>(options => options.MaxMessageBodySize = LargestMessage);
        return silo;
    }

    /// <summary>
    /// Lets a client take part in runs that silos hold: its messages may be as long as theirs, 1 GiB, where Orleans allows clients 100 MiB, less than the
    /// gradients of large directly trained networks take.
    /// </summary>
    /// <param name="client">The client, which must find the cluster, such as by UseStaticClustering or UseRedisClustering.</param>
    public static IClientBuilder AddMappingNetsTraining(this IClientBuilder client)
    {
        ArgumentNullException.ThrowIfNull(client);
        client.Services.Configure<ClientMessagingOptions>(options => options.MaxMessageBodySize = LargestMessage);
        return client;
    }
}
