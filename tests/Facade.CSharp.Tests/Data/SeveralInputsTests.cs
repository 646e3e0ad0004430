using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class SeveralInputsTests
{
    private static Dataset Pairs(int count) => Dataset.FromTensors(
        [arange(count, dtype: int64).reshape(count, 1), arange(count, dtype: float32).reshape(count, 1) * 2],
        arange(count, dtype: float32).reshape(count, 1));

    [Fact]
    public void Batches_parts_and_copies_keep_the_inputs_of_a_sample_together()
    {
        using var scope = NewDisposeScope();
        using var data = Pairs(10);
        using var slice = data.Slice(2, 6);
        var (training, heldOut) = data.SplitHoldOut(4, 1);
        using var memory = training.ToMemory();
        using var device = heldOut.To(CPU);
        foreach (var part in new[] { data, slice, memory, device })
            foreach (var shuffled in new[] { true, false })
                foreach (var batch in part.Batches(3, seed: 2, shuffle: shuffled))
                {
                    Assert.Equal(2, batch.InputList.Count);
                    Assert.Equal(int64, batch.InputList[0].dtype);
                    Assert.True((batch.InputList[0] * 2).equal(batch.InputList[1]).all().item<bool>());
                    Assert.True(batch.InputList[0].equal(batch.Targets).all().item<bool>());
                    Assert.Equal(batch.Targets.shape[0], batch.Count);
                }

        Assert.Equal([[1L], [1L]], data.InputShapes);
        training.Dispose();
        heldOut.Dispose();
    }

    [Fact]
    public void The_single_input_is_refused_by_name_where_there_are_several()
    {
        using var scope = NewDisposeScope();
        using var data = Pairs(4);

        Assert.Contains("Each sample has 2 inputs; InputList", Assert.Throws<InvalidOperationException>(() => data.Inputs).Message);
        Assert.Contains("Each sample has 2 inputs; InputShapes", Assert.Throws<InvalidOperationException>(() => data.InputShape).Message);
        foreach (var batch in data.Batches(4))
            Assert.Contains("Each sample has 2 inputs; InputList", Assert.Throws<InvalidOperationException>(() => batch.Inputs).Message);
        Assert.Contains(
            "4 samples of the first input, but 3 of another",
            Assert.Throws<ArgumentException>("inputs", () => Dataset.FromTensors([zeros(4, 1), zeros(3, 1)], zeros(4, 1))).Message);
        Assert.Contains("no input", Assert.Throws<ArgumentException>("inputs", () => Dataset.FromTensors(Array.Empty<Tensor>(), zeros(4, 1))).Message);
    }

    [Fact]
    public void A_disposed_data_set_says_so()
    {
        using var scope = NewDisposeScope();
        var data = Pairs(4);
        data.Dispose();

        Assert.Contains("was disposed", Assert.Throws<ObjectDisposedException>(() => data.Targets).Message);
        Assert.Contains("was disposed", Assert.Throws<ObjectDisposedException>(() => data.Batches(2)).Message);
        Assert.Contains("was disposed", Assert.Throws<ObjectDisposedException>(() => data.Take(2)).Message);
        data.Dispose();
    }

    [Fact]
    public void Whole_numbers_can_be_streamed()
    {
        using var scope = NewDisposeScope();
        using var data = Dataset.FromSamples(
            6, [2], [], ["a", "b"], number => (tensor(new long[] { number, 1 }), tensor((long)(number % 2))), ScalarType.Int64);

        foreach (var batch in data.Batches(3))
            Assert.Equal(int64, batch.Inputs.dtype);
    }
}
