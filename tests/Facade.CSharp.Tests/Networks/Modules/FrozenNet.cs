using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>A module whose encoder its owner froze; all of them are alike but for the encoder and the type.</summary>
internal sealed class FrozenNet : nn.Module<Tensor, Tensor>
{
    private readonly Linear encoder;
    private readonly BatchNorm1d bn;
    private readonly Linear head;

    public FrozenNet(ulong encoderSeed, ScalarType type = ScalarType.Float32)
        : base("net")
    {
        (encoder, bn, head) = (nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 3));
        RegisterComponents();
        this.to(type);
        using var noGradient = no_grad();
        foreach (var (name, parameter) in named_parameters())
        {
            using var generator = new Generator(name.StartsWith("encoder", StringComparison.Ordinal) ? encoderSeed : 100);
            using var values = rand(parameter.shape, dtype: float64, generator: generator);
            parameter.copy_(values);
        }

        foreach (var parameter in encoder.parameters())
            parameter.requires_grad = false;
    }

    /// <summary>What comes after the encoder, as a network of its own: the same names and shapes of weights and buffers, and nothing frozen.</summary>
    public static nn.Module<Tensor, Tensor> Rest() => nn.Sequential(("bn", nn.BatchNorm1d(6)), ("head", nn.Linear(6, 3)));

    public override Tensor forward(Tensor input) => head.call(bn.call(encoder.call(input).tanh()));

    /// <summary>The network "net" of this module; the caller disposes it.</summary>
    public ModuleTarget Lend() => TargetNetwork.From(this, zeros(2, 4), "net");
}
