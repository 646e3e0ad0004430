using Microsoft.ML.OnnxRuntime;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Holds networks to what ONNX Runtime computes from the same bytes.</summary>
internal static class Agreement
{
    /// <summary>The relative error that is allowed: the largest difference over the largest output.</summary>
    public const double Tolerance = 1e-5;

    /// <summary>Reads a model and compares it with ONNX Runtime on one sample and on three.</summary>
    public static void Check(OnnxGraphs graph)
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("model.onnx", graph.Bytes());
        var target = TargetNetwork.FromOnnx(path);
        foreach (var count in new[] { 1, 3 })
        {
            using var scope = NewDisposeScope();
            Tensor[] inputs = [.. target.Inputs.Select((input, index) => Sample(input, count, index))];
            var ours = Ours(target, inputs);
            var (values, shape) = Runtime(path, target.InputNames, inputs, target.Output);
            Assert.Equal(shape, ours.shape);
            AssertClose(values, Small.Values(ours));
        }
    }

    public static Tensor Ours(OnnxTarget target, IReadOnlyList<Tensor> inputs)
    {
        using var pretrained = PretrainedWeights.Of(target);
        using var state = target.CreateState();
        return target.Forward(inputs, [.. target.Parameters.Select(parameter => pretrained.Find(parameter.Name)!)], state, training: false);
    }

    public static (float[] Values, long[] Shape) Runtime(string path, IReadOnlyList<string> names, IReadOnlyList<Tensor> inputs, string output)
    {
        using var session = new InferenceSession(path);
        return Runtime(session, names, inputs, output);
    }

    public static (float[] Values, long[] Shape) Runtime(
        InferenceSession session, IReadOnlyList<string> names, IReadOnlyList<Tensor> inputs, string output)
    {
        using var options = new RunOptions();
        var given = names.Zip(inputs).ToDictionary(pair => pair.First, pair => Value(pair.Second));
        try
        {
            using var results = session.Run(options, given, [output]);
            return (results[0].GetTensorDataAsSpan<float>().ToArray(), results[0].GetTensorTypeAndShape().Shape);
        }
        finally
        {
            foreach (var value in given.Values)
                value.Dispose();
        }
    }

    public static OrtValue Value(Tensor tensor) => tensor.dtype == ScalarType.Int64
        ? OrtValue.CreateTensorValueFromMemory(tensor.data<long>().ToArray(), tensor.shape)
        : OrtValue.CreateTensorValueFromMemory(Small.Values(tensor), tensor.shape);

    public static Tensor Sample(InputSpecification input, int count, int seed = 0)
    {
        long[] shape = [count, .. input.Shape];
        var size = (int)shape.Aggregate(1L, (product, length) => product * length);
        return input.Type == ScalarType.Int64
            ? tensor(Enumerable.Range(0, size).Select(place => (long)(place * 7 % 5)).ToArray(), shape)
            : tensor(OnnxGraphs.Values(size, 1000 * (seed + 1)), shape);
    }

    public static double Error(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(actual, value => Assert.True(float.IsFinite(value)));
        var largest = expected.Max(MathF.Abs);
        return expected.Zip(actual, (one, other) => (double)MathF.Abs(one - other)).Max() / Math.Max(largest, 1e-6);
    }

    public static void AssertClose(float[] expected, float[] actual, double tolerance = Tolerance)
    {
        var error = Error(expected, actual);
        Assert.True(error <= tolerance, $"The outputs differ by {error:0.0e0} of the largest; {tolerance:0.0e0} is allowed.");
    }
}
