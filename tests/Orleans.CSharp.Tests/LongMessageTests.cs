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

    [Fact]
    public void AMessageLeavesRoomForWhatGoesWithAGradient()
    {
        var limit = new MessageLimit(1 << 20);
        limit.Require("It", (1 << 20) - (1 << 16));
        var fault = Assert.Throws<InvalidOperationException>(() => limit.Require("It", (1 << 20) - (1 << 16) + 1));
        Assert.StartsWith("It takes 983041 bytes, and a message of this client at most 1048576 ", fault.Message);
        Assert.Contains("of which 65536 are for what goes with it", fault.Message);
    }

    [Theory]
    [InlineData(1_000, 5)]
    [InlineData(400_000, 2)]
    [InlineData(600_000, 1)]
    [InlineData(2_000_000, 1)]
    public void AsManyPartsGoIntoAMessageAsFitAndAtLeastOne(int bytes, int expected)
    {
        var limit = new MessageLimit(1 << 20);
        Part[] parts = [.. Enumerable.Range(0, 5).Select(index => new Part(index, new byte[bytes], [true], null, []))];
        Assert.Equal(expected, limit.Fitting(parts));
        Assert.Equal(0, limit.Fitting([]));
    }

    // 8 weights for each number between the layers, and 3, of 4 bytes: a gradient is too long, or what is kept after an epoch of Adam.
    [Theory]
    [InlineData(60_000, "The gradient of a step takes 1920012 bytes")]
    [InlineData(20_000, "The state after an epoch takes ")]
    public async Task ARunWhoseMessagesAreTooLongForItsClientEndsBeforeItsFirstStepWithWhatToDo(int width, string expected)
    {
        using var data = Small.Classes();
        using var model = Wide(width);
        var heard = new Listener();
        var options = new TrainingOptions { Epochs = 1, BatchSize = 8, Optimizer = TrainingOptimizer.Adam };

        await WithClient(async client =>
        {
            var fault = await Assert.ThrowsAsync<InvalidOperationException>(
                () => new ClusterTrainer(client, "wide", model, options).FitAsync(data, progress: heard).WaitAsync(Longest));

            Assert.StartsWith(expected, fault.Message);
            Assert.Contains("a message of this client at most 1048576", fault.Message);
            Assert.Contains(nameof(ClusterHosting.AddMappingNetsTraining), fault.Message);
            Assert.Empty(heard.Heard);
        });
    }

    [Theory]
    [InlineData("Adam", 3)]
    [InlineData("SGD", 1)]
    [InlineData("SGD with momentum", 2)]
    [InlineData("averaged", 4)]
    public async Task TheLengthOfAStateIsKnownBeforeTheFirstStep(string what, int times)
    {
        var options = new TrainingOptions { Epochs = 1, BatchSize = 8, Optimizer = TrainingOptimizer.Adam };
        options = what switch
        {
            "SGD" => options with { Optimizer = TrainingOptimizer.Sgd(momentum: 0) },
            "SGD with momentum" => options with { Optimizer = TrainingOptimizer.Sgd() },
            "averaged" => options with { AverageDecay = 0.9 },
            _ => options,
        };
        using var folder = new TemporaryFolder();
        using var data = Small.Classes();
        using var model = Wide(4_000);
        var least = StateLength.AtLeast(model, options);

        await new Trainer(model, options).FitAsync(data, resumeFile: folder.File("run"));

        // So few trained parameters are kept once more as they last were in order. The rest is the description of the run.
        Assert.InRange(least, (times + 1) * 128_012L, new FileInfo(folder.File("run")).Length);
        Assert.InRange(new FileInfo(folder.File("run")).Length - least, 0, 1 << 16);
    }

    // A part takes 448,012 bytes, so that two go into a message and three do not.
    [Fact]
    public async Task AShareThatIsTooLongForAMessageIsSentInSeveral()
    {
        var options = new TrainingOptions { Epochs = 1, BatchSize = 8, GradientAccumulation = 3, Optimizer = TrainingOptimizer.Sgd(momentum: 0), Seed = 5 };
        using var data = Small.Classes();
        using var alone = Wide(14_000);
        new Trainer(alone, options).Fit(data);
        using var model = Wide(14_000);

        await WithClient(async client =>
        {
            var trainer = new ClusterTrainer(client, "in pieces", model, options);
            var report = await trainer.FitAsync(data).WaitAsync(Longest);

            Assert.Equal(4, report.Steps);
            Assert.Equal(4 * 3 * 448_012, trainer.BytesSent);
        });
        Assert.Equal(ClusterTrainerTests.Bits(alone), ClusterTrainerTests.Bits(model));
    }

    private static DirectModel Wide(int width) => DirectModel.For(TargetNetwork.Input(4).Linear(width).Tanh().Linear(3).Build("wide"), seed: 3);

    // A client whose messages have at most a mebibyte, and a silo that holds the run.
    private static async Task WithClient(Func<IClusterClient, Task> what)
    {
        var port = RedisServer.FreePort();
        using var silo = Built(builder => builder.UseOrleans(silo => silo.UseLocalhostClustering(RedisServer.FreePort(), port).AddMappingNetsTraining()));
        await silo.StartAsync();
        using var client = Built(builder => builder.UseOrleansClient(client => client.UseLocalhostClustering(port)
            .Configure<ClientMessagingOptions>(options => options.MaxMessageBodySize = 1 << 20)));
        await client.StartAsync();
        await what(client.Services.GetRequiredService<IClusterClient>());
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
