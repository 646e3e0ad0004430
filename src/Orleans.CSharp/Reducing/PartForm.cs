namespace MappingNets;

/// <summary>The form of a run's parts. One of another form would end the other workers, which take the step's record as it is.</summary>
internal sealed class PartForm(RunTerms terms)
{
    private readonly StepShape shape = terms.Shape;

    // A metric has as many sums as its function gives, the same for every batch: the first part shows how many.
    private int[]? sums;

    /// <summary>Refuses a part of another form.</summary>
    /// <param name="part">The part.</param>
    /// <param name="step">The step that it is sent for.</param>
    /// <exception cref="ArgumentException">It is of another form.</exception>
    public void Require(Part part, long step)
    {
        if (part.Index < 0 || part.Index >= shape.Parts)
            throw new ArgumentException($"There is no part {part.Index}; a step has {shape.Parts}.", nameof(part));
        if (step < 0)
            throw new ArgumentException($"There is no step {step}; they are counted from 0.", nameof(part));
        // Past the last step there is nothing to compute, and nothing is looked at.
        if (step >= shape.Steps)
            return;
        var place = shape.Place(step);
        var (gradients, parameters) = part.Index < shape.PartsOf(place) ? (terms.Gradients, terms.Parameters) : (0L, 0);
        if ((part.Figures is null) != (gradients == 0))
            throw new ArgumentException($"Part {part.Index} of step {step} comes {(part.Figures is null ? "without its" : "with")} figures.", nameof(part));
        if (part.Figures is { } figures)
            Require(figures, part.Index);
        if (part.Gradient.Length != gradients)
            throw new ArgumentException($"The gradient of part {part.Index} has {part.Gradient.Length} bytes; one of this run has {gradients}.", nameof(part));
        if (part.Present.Length != parameters)
            throw new ArgumentException(
                $"Part {part.Index} has {part.Present.Length} marks of parameters with a gradient; one of this run has {parameters}.", nameof(part));
        if (part.Statistics.Length != 0 && (place.InEpoch != shape.StepsPerEpoch - 1 || part.Statistics.Length != terms.Statistics))
            throw new ArgumentException(
                $"The statistics of part {part.Index} have {part.Statistics.Length} bytes; those of this run have {terms.Statistics}, in the last step of an epoch alone.",
                nameof(part));
    }

    private void Require(PartFigures figures, int index)
    {
        if (figures.Terms?.Length != PartFigures.TermCount)
            throw new ArgumentException(
                $"The figures of part {index} have {figures.Terms?.Length ?? 0} terms of the loss; there are {PartFigures.TermCount}.", nameof(figures));
        if (figures.Metrics?.Length != terms.Metrics || figures.Metrics.Any(metric => metric is null))
            throw new ArgumentException(
                $"The figures of part {index} have {figures.Metrics?.Count(metric => metric is not null) ?? 0} metrics; this run has {terms.Metrics}.", nameof(figures));
        int[] here = [.. figures.Metrics.Select(metric => metric.Length)];
        if (!here.SequenceEqual(sums ??= here))
            throw new ArgumentException(
                $"The metrics of part {index} have {string.Join(", ", here)} sums; those of the parts before it have {string.Join(", ", sums)}.", nameof(figures));
    }
}
