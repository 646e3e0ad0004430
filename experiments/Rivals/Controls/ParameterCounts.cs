namespace MappingNets.Experiments.Reproduce;

/// <summary>Holds a model to the number of trained parameters that the paper prints for it.</summary>
internal static class ParameterCounts
{
    /// <summary>The model itself, where it trains so many numbers.</summary>
    /// <param name="model">The model; disposed where it is refused.</param>
    /// <param name="published">The paper's number.</param>
    /// <exception cref="InvalidOperationException">It trains another number.</exception>
    public static T Held<T>(T model, long published)
        where T : Model
    {
        if (model.TrainableCount == published)
            return model;
        var counted = model.TrainableCount;
        model.Dispose();
        throw new InvalidOperationException(
            FormattableString.Invariant($"'{model.Method}' trains {counted:N0} numbers; the paper's row has {published:N0}."));
    }
}
