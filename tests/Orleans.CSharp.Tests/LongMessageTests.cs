using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MappingNets.Experiments.ClusterDemo;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Xunit;

namespace MappingNets.Tests;

/// <summary>Clients take messages as long as those of silos; what is longer ends a run at once, and says what to do.</summary>
public sealed class LongMessageTests
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    [Fact]
    public void AClientThatIsBuiltAsThePageSaysTakesMessagesAsLongAsThoseOfSilos()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=the cluster's", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var client = RemoteClient.Built([], new(), authority, authority);
        using var silo = Built(builder => builder.UseOrleans(silo => silo.UseLocalhostClustering().AddMappingNetsTraining()));

        var ofSilos = silo.Services.GetRequiredService<IOptions<SiloMessagingOptions>>().Value.MaxMessageBodySize;

        Assert.True(ofSilos > new SiloMessagingOptions().MaxMessageBodySize);
        Assert.Equal(ofSilos, client.Services.GetRequiredService<IOptions<ClientMessagingOptions>>().Value.MaxMessageBodySize);
    }

    // 8 weights for each number between the layers, and 3, of 4 bytes: one gradient is too long, or that of three parts.
    [Theory]
    [InlineData(60_000, 1, "The gradient of a step takes 1920012 bytes")]
    [InlineData(20_000, 3, "This worker's share of a step takes 1920036 bytes")]
    public async Task ARunWhoseMessagesAreTooLongForItsClientEndsAtOnceWithWhatToDo(int width, int parts, string expected)
    {
        var port = RedisServer.FreePort();
        using var silo = Built(builder => builder.UseOrleans(silo => silo.UseLocalhostClustering(RedisServer.FreePort(), port).AddMappingNetsTraining()));
        await silo.StartAsync();
        using var client = Built(builder => builder.UseOrleansClient(client => client.UseLocalhostClustering(port)
            .Configure<ClientMessagingOptions>(options => options.MaxMessageBodySize = 1 << 20)));
        await client.StartAsync();
        using var data = Small.Classes();
        using var model = DirectModel.For(TargetNetwork.Input(4).Linear(width).Tanh().Linear(3).Build("wide"), seed: 3);
        var trainer = new ClusterTrainer(
            client.Services.GetRequiredService<IClusterClient>(), "wide", model, new() { Epochs = 1, BatchSize = 8, GradientAccumulation = parts });

        var fault = await Assert.ThrowsAsync<InvalidOperationException>(() => trainer.FitAsync(data).WaitAsync(Longest));

        Assert.StartsWith(expected, fault.Message);
        Assert.Contains("a message of this client at most 1048576", fault.Message);
        Assert.Contains(nameof(ClusterHosting.AddMappingNetsTraining), fault.Message);
        await client.StopAsync();
        await silo.StopAsync();
    }

    private static IHost Built(Action<HostApplicationBuilder> how)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        how(builder);
        return builder.Build();
    }
}
