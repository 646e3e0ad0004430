using System.Reflection;
using MappingNets.Experiments.ClusterDemo;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Xunit;

namespace MappingNets.Tests;

/// <summary>Calls that carry gradients or states may take longer than Orleans waits for an answer, such as on a slow line.</summary>
public sealed class LongCallTests
{
    [Theory]
    [InlineData(typeof(IRunGrain), "Contribute Join Keep Teach")]
    [InlineData(typeof(IFederationGrain), "Submit")]
    public void AllCallsWithGradientsOrStatesMayTakeAnHour(Type grain, string calls) => Assert.Equal(
        calls,
        string.Join(' ', grain.GetMethods()
            .Where(call => call.GetCustomAttribute<ResponseTimeoutAttribute>()?.Timeout == TimeSpan.FromHours(1))
            .Select(call => call.Name).Order(StringComparer.Ordinal)));

    // Both grains answer a worker that waits for another one after five seconds.
    [Fact]
    public async Task AContributionOutlastsTheTimeoutOfItsClientWhichOtherCallsAreHeldTo()
    {
        var port = RedisServer.FreePort();
        using var silo = Built(builder => builder.UseOrleans(silo => silo.UseLocalhostClustering(RedisServer.FreePort(), port).AddMappingNetsTraining()));
        await silo.StartAsync();
        using var host = Built(builder => builder.UseOrleansClient(client => client.UseLocalhostClustering(port)
            .Configure<ClientMessagingOptions>(options => options.ResponseTimeout = TimeSpan.FromSeconds(2))));
        await host.StartAsync();
        var (client, deadline) = (host.Services.GetRequiredService<IClusterClient>(), TimeSpan.FromSeconds(20));
        var run = client.GetGrain<IRunGrain>("slow line");
        Assert.Null((await run.Join("one", new(4, 1, 2, 1, 4, 2, deadline, GradientCombination.Mean, null, [], [], 1, 0))).Refusal);

        using var mask = new ChangeMask();
        var cut = client.GetGrain<IFederationGrain>("slow line").Join("one", new(FederatedMember.NameOf("one"), 1, mask.PublicKey), new(2, deadline, sizeof(int), [], []));
        Assert.Equal(ReplyKind.Again, (await run.Contribute(new("one", 0, 0, []))).Kind);

        await Assert.ThrowsAsync<TimeoutException>(() => cut);
        await host.StopAsync();
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
