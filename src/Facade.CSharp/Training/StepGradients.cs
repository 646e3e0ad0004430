namespace MappingNets;

/// <summary>Where the gradients of the steps come from: this process alone, or several that share the parts of each step.</summary>
internal interface IStepGradients
{
    /// <summary>Leaves the gradient of a step in the parameters.</summary>
    /// <param name="place">The step; the steps come in order.</param>
    /// <param name="sums">What the epoch adds up, part by part in their order.</param>
    /// <returns>The whole loss; null where the run ends before this step.</returns>
    /// <exception cref="TrainingDivergedException">A loss or a buffer is not finite.</exception>
    double? Take(StepPlace place, EpochSums sums);
}

/// <summary>Every part of every step, computed here one after the other.</summary>
internal sealed class SoleGradients(PartGradient parts) : IStepGradients
{
    public double? Take(StepPlace place, EpochSums sums)
    {
        parts.Forget();
        var total = 0.0;
        for (var part = 0; part < parts.Shape.PartsOf(place); part++)
        {
            var figures = parts.Add(place, part);
            sums.Add(figures);
            total += figures.Total * parts.Shape.ShareOf(place, part);
        }

        return total;
    }
}
