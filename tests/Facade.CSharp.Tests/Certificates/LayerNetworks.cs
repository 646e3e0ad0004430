using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Tests.Certificates;

/// <summary>A small network for each kind of layer beyond plain chains.</summary>
internal static class LayerNetworks
{
    private static readonly Dictionary<string, Func<TargetNetwork>> Certified = new()
    {
        ["batch norm of images"] = () => Image.Conv2d(3, 3).BatchNorm2d().ReLU().Flatten().Linear(3).Build(),
        ["batch norm of features"] = () => TargetNetwork.Input(6).Linear(8).BatchNorm1d().Tanh().Linear(3).Build(),
        ["residual"] = () => Image.Residual(body => body.Conv2d(2, 3, padding: 1).Gelu()).Flatten().Linear(3).Build(),
        ["residual with shortcut and ReLU"] = () => Image.Residual(
            body => body.Conv2d(4, 3, padding: 1).BatchNorm2d().ReLU().Conv2d(4, 3, padding: 1),
            shortcut => shortcut.Conv2d(4, 1, bias: false, name: "down"), relu: true).GlobalAveragePool2d().Linear(3).Build(),
        ["concatenation in a named part"] = () => Image.Sequence("part", part => part.Conv2d(3, 3).Concatenate(body =>
            body.Conv2d(2, 3, padding: 1).Concatenate(inner => inner.BatchNorm2d()))).AvgPool2d(2).Flatten().Linear(3).Build(),
        ["transposed convolution"] = () => Image.ConvTranspose2d(3, 2, stride: 2).AvgPool2d(3, stride: 2, padding: 1).Flatten().Linear(3).Build(),
        ["layer norm"] = () => TargetNetwork.Input(5, 4).LayerNorm().Linear(6).Gelu().LayerNorm().Flatten().Linear(3).Build(),
        ["tokens"] = () => Image.Tokens().Linear(4).ClassToken().PositionEmbedding().SiLU().Flatten().Linear(3).Build(),
        ["first token"] = () => Image.Tokens().Linear(8).FirstToken().Linear(3).Build(),
        ["a user's layer"] = () => TargetNetwork.Input(6).Linear(5).Add(new Gain(isRoundingStated: true)).Linear(3).Build(),
    };

    public static IEnumerable<string> Names => Certified.Keys;

    private static TargetNetworkBuilder Image => TargetNetwork.Input(2, 6, 6);

    public static TargetNetwork Build(string name) => Certified[name]();

    /// <summary>A model whose batch norms have statistics that differ by channel, and whose weights of a scale are no longer 1.</summary>
    public static DirectModel Direct(string name, ulong seed = 4)
    {
        var model = DirectModel.For(Build(name), seed);
        using var noGradient = no_grad();
        foreach (var tensor in model.Trainables.Where(tensor => tensor.dim() == 1))
            tensor.add_(0.2 * arange(tensor.numel()).cos());
        Shake(model);
        return model;
    }

    /// <summary>Running statistics that differ by channel, which passes of this model then leave as they are.</summary>
    public static void Shake(Model model)
    {
        model.eval();
        using var noGradient = no_grad();
        foreach (var buffer in model.State.Tensors.Where(buffer => buffer.dim() == 1))
            buffer.add_(0.5 * arange(buffer.numel()).sin());
    }

    public static Tensor Inputs(TargetNetwork target, int count) => Core.MappingLoss.noise(
        Core.CounterHash.ofSeed(11), 0, 1, zeros(count * target.InputShape.Aggregate(1L, (product, size) => product * size)))
        .view([count, .. target.InputShape]);

    /// <summary>x -> g sin(x) + 1 with |g| up to 2 by its author's word.</summary>
    internal sealed class Gain(bool isRoundingStated) : Layer(null)
    {
        public override string Kind => "Gain";

        public override string NamePrefix => "gain";

        public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input) => input;

        public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) => [new("size", [1], 1)];

        public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) => (input.sin() * parameters[0]) + 1;

        public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
            throw new NotSupportedException();

        public override LayerConstants Constants(IReadOnlyList<long> input)
        {
            var root = Math.Sqrt(input.Aggregate(1L, (product, size) => product * size));
            return new(2, root, new Dictionary<string, double> { ["size"] = root }, isRoundingStated ? 8 : null);
        }
    }
}
