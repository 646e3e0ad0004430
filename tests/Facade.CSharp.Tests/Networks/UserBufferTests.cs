using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Buffers of a user's own layer.</summary>
public sealed class UserBufferTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_buffer_starts_as_its_layer_says_whether_files_hold_it_or_not(bool isPersistent)
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(3).Linear(3).Dropout().Add(new Offset(isPersistent)).Build();

        using var state = target.CreateState();

        Assert.Equal([2.5f, 2.5f, 2.5f], state["offset1.by"].data<float>().ToArray());
        using var model = DirectModel.For(target, 1);
        using var plain = DirectModel.For(TargetNetwork.Input(3).Linear(3).Build(), 1);
        var input = rand(4, 3);
        Assert.True(plain.Predict(input).add(2.5f).equal(model.Predict(input)).all().item<bool>());
    }

    private sealed class Offset(bool isPersistent) : StatefulLayer(null)
    {
        public override string Kind => "Offset";
        public override string NamePrefix => "offset";
        public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input) => input;

        public override IReadOnlyList<BufferSpecification> Buffers(IReadOnlyList<long> input) =>
            [new("by", input, ScalarType.Float32, 2.5) { IsPersistent = isPersistent }];

        public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers, bool training) =>
            input + buffers[0];

        public override nn.Module<Tensor, Tensor> ToModule(
            IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers) => throw new NotSupportedException();
    }
}
