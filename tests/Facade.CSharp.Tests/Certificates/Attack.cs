using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests.Certificates;

/// <summary>Moves a model's trained parameters by a distance, in directions that may change a prediction.</summary>
internal sealed class Attack(Model model)
{
    private readonly Tensor[] start = [.. model.Trainables.Select(tensor => tensor.detach().clone())];

    private long Count => model.Trainables.Sum(tensor => tensor.numel());

    /// <summary>So many random directions, as vectors of all trained parameters.</summary>
    public IEnumerable<Tensor> Random(int count, ulong seed)
    {
        for (var index = 0; index < count; index++)
            yield return Core.MappingLoss.noise(Core.CounterHash.named("attack", Core.CounterHash.ofSeed(seed)), index, 1, zeros(Count, dtype: float64));
    }

    /// <summary>The direction in which one sample's margin falls most steeply at the moved parameters.</summary>
    public Tensor Steepest(Tensor input, long prediction)
    {
        model.zero_grad();
        using (enable_grad())
        {
            var scores = model.forward(input.unsqueeze(0))[0];
            var others = scores.clone();
            others = others.index_fill(0, tensor(prediction), float.NegativeInfinity);
            (others.max() - scores[prediction]).backward();
        }

        var slope = cat([.. model.Trainables.Select(tensor => (tensor.grad ?? zeros_like(tensor)).reshape(-1).to(float64))], 0).clone();
        model.zero_grad();
        return slope;
    }

    /// <summary>Puts the parameters at a distance from the start, just inside it, in a direction.</summary>
    public void MoveTo(Tensor direction, double distance)
    {
        using var noGradient = no_grad();
        var step = direction / direction.norm() * distance * (1 - 1e-7);
        var first = 0L;
        foreach (var (tensor, value) in model.Trainables.Zip(start))
        {
            tensor.copy_((value.reshape(-1).to(float64) + step.narrow(0, first, value.numel())).to(float32).reshape(value.shape));
            first += value.numel();
        }
    }

    /// <summary>Moves to the edge of each sample's radius, at random and along the steepest slopes, and holds the predictions to the certificate.</summary>
    public void Withstands(LatentCertificate certificate, Tensor inputs)
    {
        foreach (var (radius, sample) in certificate.Radii.Select((radius, sample) => (radius, sample)).Where(pair => pair.radius > 0))
        {
            var prediction = certificate.Predictions[sample];
            foreach (var direction in Random(4, (ulong)sample))
            {
                MoveTo(direction, radius);
                Assert.Equal(prediction, model.Predict(inputs)[sample].argmax().item<long>());
            }

            Back();
            for (var step = 0; step < 4; step++)
            {
                MoveTo(Steepest(inputs[sample], prediction), radius);
                Assert.Equal(prediction, model.Predict(inputs)[sample].argmax().item<long>());
            }

            Back();
        }
    }

    /// <summary>Puts the parameters back.</summary>
    public void Back()
    {
        using var noGradient = no_grad();
        foreach (var (tensor, value) in model.Trainables.Zip(start))
            tensor.copy_(value);
    }
}
