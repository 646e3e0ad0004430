using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Batch and layer normalisation.</summary>
internal static class Normalisations
{
    // ONNX's momentum is the share of the old statistics, libtorch's that of the batch's.
    public static Tensor[] Batch(NodeRun run)
    {
        // Before opset 14 a second output meant training, whether anything took it or not.
        if (run.Node.Int("spatial", 1) != 1)
            throw run.Node.Fault("spatial is 0, which normalises every place by itself");
        if (run.Node.Flag("training_mode") || run.Node.Outputs.Count(output => output.Length > 0) > 1)
            throw run.Node.Fault("it is in training mode; export the model in evaluation mode");
        var input = run.Input(0);
        var (scale, shift, mean, variance) = (run.Input(1), run.Input(2), run.Input(3), run.Input(4));
        var (momentum, epsilon) = (1 - run.Node.Float("momentum", 0.9f), run.Node.Float("epsilon", 1e-5f));
        // The variance of one value is not a number; it must not become the running one.
        return run.Training && input.numel() == input.shape[1]
            ? [nn.functional.batch_norm(input, null!, null!, scale, shift, true, momentum, epsilon)]
            : [nn.functional.batch_norm(input, mean, variance, scale, shift, run.Training, momentum, epsilon)];
    }

    // Each channel of each sample by its own mean and variance.
    public static Tensor[] Instance(NodeRun run)
    {
        var (input, scale, shift) = (run.Input(0), run.Input(1), run.Input(2));
        if (input.dim() < 3 || !scale.shape.SequenceEqual([input.shape[1]]) || !shift.shape.SequenceEqual([input.shape[1]]))
            throw run.Node.BadInput(
                $"its scale {ShapeText.Of(scale.shape)} and shift {ShapeText.Of(shift.shape)} do not suit {ShapeText.Of(input.shape)}");
        long[] each = [1, -1, .. Enumerable.Repeat(1L, (int)input.dim() - 2)];
        var flat = input.reshape(input.shape[0], input.shape[1], -1);
        var centred = flat.sub(flat.mean([2], keepdim: true));
        var deviation = centred.mul(centred).mean([2], keepdim: true).add(run.Node.Float("epsilon", 1e-5f)).sqrt();
        return [centred.div(deviation).reshape(input.shape).mul(scale.reshape(each)).add(shift.reshape(each))];
    }

    public static Tensor[] Layer(NodeRun run)
    {
        if (run.Node.WantedOutputs.Skip(1).Any(output => output.Length > 0))
            throw run.Node.Fault("its mean and its deviation are wanted as outputs");
        var input = run.Input(0);
        var shape = input.shape[run.Axis(run.Node.Int("axis", -1), input.dim())..];
        var scale = run.Input(1);
        var shift = run.Optional(2);
        return scale.shape.SequenceEqual(shape) && (shift is null || shift.shape.SequenceEqual(shape))
            ? [nn.functional.layer_norm(input, shape, scale, shift!, run.Node.Float("epsilon", 1e-5f))]
            : throw run.Node.BadInput($"its scale has the shape {ShapeText.Of(scale.shape)}; it normalises over {ShapeText.Of(shape)}");
    }
}
