using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>A small model of every kind, all of them on <see cref="Small.Classifier"/>.</summary>
internal static class ModelKinds
{
    public static readonly string[] All =
        ["slvt", "lwt, modulated", "lwt with scales", "tanh", "slvt, streamed", "lwt, modulated, streamed", "tanh with scales, streamed", "direct", "generated", .. FineTuned.Ways];

    public static Model Build(string kind)
    {
        var mapping = MappingNetwork.For(Small.Classifier()).SingleLatent(24).WithSeed(7).StartingWithin(0.5);
        switch (kind)
        {
            case "slvt":
                return mapping.Build();
            case "lwt, modulated":
                return mapping.LayerWise(24).WithAdditiveModulation(0.02).Build();
            case "slvt, streamed":
                return mapping.Streamed().Build();
            case "lwt, modulated, streamed":
                return mapping.LayerWise(24).WithAdditiveModulation(0.02).Streamed().Build();
            case "tanh with scales, streamed":
                return mapping.WithActivation(MappingActivation.Tanh).WithTrainableScales().Streamed().Build();
            case "lwt with scales":
                return mapping.LayerWise(24).WithTrainableScales().Build();
            case "tanh":
                return mapping.WithActivation(MappingActivation.Tanh).Build();
            case "direct":
                return DirectModel.For(Small.Classifier(), seed: 7);
            case "generated":
                return GeneratedModel.For(
                    Small.Classifier(), "wave", [new("start", ones(115).mul(0.1f)), new("slope", ones(1))],
                    trained => trained[0] + (trained[1] * arange(115).to(float32).sin()));
            default:
                using (var pretrained = FineTuned.Pretrained())
                    return FineTuned.Build(kind, pretrained);
        }
    }

    /// <summary>The gradients of all trained tensors, one after the other, which are then gone from the model.</summary>
    public static float[] TakeGradients(Model model)
    {
        using var scope = NewDisposeScope();
        float[] gradients = [.. model.parameters().SelectMany(tensor => Small.Values(tensor.grad ?? zeros_like(tensor)))];
        model.zero_grad();
        return gradients;
    }
}
