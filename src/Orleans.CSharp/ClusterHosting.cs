using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Storage;

namespace MappingNets;

/// <summary>Makes a silo of Orleans one that holds training runs.</summary>
public static partial class ClusterHosting
{
    /// <summary>
    /// The name of the grain storage in which the state of runs lies after each epoch. Give the silo a storage of this name, such as
    /// AddRedisGrainStorage or AddAdoNetGrainStorage, and runs outlive all silos.
    /// </summary>
    public const string StorageName = "MappingNets";

    // Gradients of directly trained networks are large; those of a latent are a few kilobytes.
    private const int LargestMessage = 1 << 30;

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
}
