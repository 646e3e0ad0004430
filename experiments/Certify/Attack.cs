using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Certify;

/// <summary>Looks for the nearest move of a model's latent that changes predictions: random directions, then gradient ascent.</summary>
internal static class Attack
{
    private const int RandomDirections = 10;
    private const int Rounds = 2;
    private const double Farthest = 30;

    /// <summary>Where inside each certified radius changes are looked for besides: a certificate that is wrong there must be found out.</summary>
    private static readonly double[] Inside = [0.25, 0.5, 0.75, 0.999];

    /// <summary>For each sample the smallest distance at which its prediction was seen to change; infinite where none was.</summary>
    public static double[] Distances(MappedModel model, Tensor inputs, LatentCertificate certificate, CancellationToken stop)
    {
        var found = Enumerable.Repeat(double.PositiveInfinity, certificate.Radii.Count).ToArray();
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        using var start = model.Latent.detach().clone();
        // Well inside the certificates, or the walks could not refute one.
        var nearest = 0.1 * certificate.Radii.Where(radius => radius > 0).DefaultIfEmpty(0.1).Min();
        for (var index = 0; index < RandomDirections; index++)
        {
            using var round = NewDisposeScope();
            var direction = randn(start.shape, generator: generator);
            for (var distance = nearest; distance < Farthest; distance *= 1.5)
            {
                stop.ThrowIfCancellationRequested();
                Move(model, start, direction, distance);
                var now = model.Predict(inputs).argmax(1).data<long>().ToArray();
                for (var sample = 0; sample < now.Length; sample++)
                    if (now[sample] != certificate.Predictions[sample])
                        found[sample] = Math.Min(found[sample], distance);
            }
        }

        for (var sample = 0; sample < found.Length; sample++)
        {
            stop.ThrowIfCancellationRequested();
            using var round = NewDisposeScope();
            var (input, prediction) = (inputs.narrow(0, sample, 1), certificate.Predictions[sample]);
            Move(model, start, start, 0);
            for (var ascent = 0; ascent < Rounds; ascent++)
            {
                var direction = Steepest(model, input, prediction);
                foreach (var share in Inside)
                    if (certificate.Radii[sample] > 0 && Changes(share * certificate.Radii[sample]))
                        found[sample] = Math.Min(found[sample], share * certificate.Radii[sample]);
                // From a change back to where it begins, whatever is certified.
                var (inside, outside) = (0.0, Math.Min(found[sample], Farthest));
                if (!Changes(outside))
                    break;
                for (var halving = 0; halving < 18; halving++)
                {
                    var middle = Math.Sqrt(Math.Max(inside, 1e-6) * outside);
                    (inside, outside) = Changes(middle) ? (inside, middle) : (middle, outside);
                }

                found[sample] = outside;

                bool Changes(double distance)
                {
                    Move(model, start, direction, distance);
                    return model.Predict(input).argmax(1).item<long>() != prediction;
                }
            }
        }

        Move(model, start, start, 0);
        return found;
    }

    /// <summary>The direction in latent space in which the best other score gains most on the predicted one, from where the latent is.</summary>
    private static Tensor Steepest(MappedModel model, Tensor input, long prediction)
    {
        model.zero_grad();
        var scores = model.forward(input)[0];
        var others = scores.index_fill(0, tensor(prediction), float.NegativeInfinity);
        (others.max() - scores[prediction]).backward();
        return model.Latent.grad!.clone();
    }

    private static void Move(MappedModel model, Tensor start, Tensor direction, double distance)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        model.Latent.copy_(distance == 0 ? start : start + (direction / direction.norm() * (float)distance));
    }
}
