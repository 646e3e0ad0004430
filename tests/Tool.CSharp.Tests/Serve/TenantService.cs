using MappingNets.Examples.Serve;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using TorchSharp;

namespace MappingNets.Tests.Serve;

/// <summary>The application of examples/Serve on a free port, with an untrained base and adapters of random numbers.</summary>
internal sealed class TenantService : IAsyncDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly PretrainedNetwork network;
    private readonly WebApplication app;

    public TenantService()
    {
        var target = Targets.Cnn2();
        using (var model = DirectModel.For(target, seed: 1))
            model.Export(folder.File("base.safetensors"));
        network = new(target, PretrainedWeights.FromFile(folder.File("base.safetensors")));
        Drop("shop", 1);
        app = Service.Build(network, folder.Path, ["--urls", "http://127.0.0.1:0"]);
    }

    public Uri Address => new(app.Urls.Single());

    public KestrelServerLimits Limits => app.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits;

    public async Task<TenantService> Start()
    {
        await app.StartAsync();
        return this;
    }

    /// <summary>Puts an adapter into the folder as its readers are told to: whole, by a rename.</summary>
    public void Drop(string name, ulong seed)
    {
        using (var model = Tuned(seed))
            model.SaveAdapter(folder.File("coming.tmp"));
        File.Move(folder.File("coming.tmp"), folder.File(name + ".safetensors"), overwrite: true);
    }

    /// <summary>Puts bytes there that are no adapter.</summary>
    public void DropBroken(string name)
    {
        File.WriteAllText(folder.File("coming.tmp"), "no adapter");
        File.Move(folder.File("coming.tmp"), folder.File(name + ".safetensors"), overwrite: true);
    }

    /// <summary>What the adapter of a seed answers to a picture, computed without the service.</summary>
    public float[] Expected(ulong seed, byte[] picture)
    {
        using var model = Tuned(seed);
        using var scope = torch.NewDisposeScope();
        var input = Picture.Read(picture, 28, 28, channels: 1, means: [FashionMnist.Mean], deviations: [FashionMnist.StandardDeviation]);
        return Small.Values(model.Predict(input));
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        network.Dispose();
        folder.Dispose();
    }

    private FineTunedModel Tuned(ulong seed)
    {
        var model = FineTuning.Of(network.Target, network.Weights).Mapping(mapping => mapping.SingleLatent(16)).WithSeed(seed).Build();
        using var generator = new torch.Generator(seed);
        using (torch.no_grad())
        using (torch.NewDisposeScope())
            foreach (var trained in model.parameters())
                trained.copy_(torch.randn(trained.shape, generator: generator));
        return model;
    }
}
