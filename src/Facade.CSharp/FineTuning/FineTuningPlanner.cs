namespace MappingNets;

/// <summary>Deals a network's tensors out to the ways of fine-tuning that were asked for: each tensor is changed in one way at most.</summary>
internal static class FineTuningPlanner
{
    /// <summary>The configuration of all that was said.</summary>
    /// <param name="baseWeights">The base, whose head is known.</param>
    /// <param name="forms">The ways, in the order in which they were said; at least one.</param>
    /// <param name="layers">What <see cref="FineTuning.Layers"/> chose for the ways without layers of their own; null where it was not said.</param>
    /// <param name="head">How a new head is trained; where null, like the other layers if a way moves it, and else directly.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="probe">What <see cref="FineTuning.SplitByGradient"/> gave; null where it was not said.</param>
    /// <exception cref="ArgumentException">Something that was said would have no effect, or contradicts something else.</exception>
    public static FineTuningConfiguration Configure(
        FineTuningBase baseWeights, IReadOnlyList<FineTuningForm> forms, IReadOnlyList<string>? layers, HeadTraining? head, ulong seed, GradientProbe? probe)
    {
        var target = baseWeights.Target;
        if (layers is not null && forms.All(form => form.Layers is not null))
            throw new ArgumentException("Layers(...) would have no effect: every way of fine-tuning names layers of its own.", nameof(layers));
        if (probe is not null && !forms.Any(form => form.IsSplit))
            throw new ArgumentException("SplitByGradient would have no effect: Scales alone shares its parameters out by layer.", nameof(probe));
        if (head is not null && baseWeights.Head.Count == 0)
            throw new ArgumentException(
                $"WithNewHead would have no effect: the last layer has the shape of the pretrained one, so no layer of '{target.Name}' is started anew. "
                + "Name the layers that shall be, or leave it out.",
                "training");
        var training = head ?? (MovesNewHead(baseWeights, forms, layers) ? HeadTraining.Mapped : HeadTraining.Direct);
        var direct = training == HeadTraining.Direct ? baseWeights.Head : [];
        var taken = Deal(baseWeights, forms, layers ?? [LayerPatterns.All], direct);
        if (training == HeadTraining.Mapped && baseWeights.Head.Count > 0 && !baseWeights.Head.Any(taken.ContainsKey))
            throw new ArgumentException(
                $"The new head [{string.Join(", ", baseWeights.Head)}] is to be moved like the other layers, but nothing that was asked for moves it: "
                + "it would stay as it was drawn. Choose its layer too, or train it directly.",
                nameof(training));

        var own = target.Parameters.Select(parameter => parameter.Name)
            .Where(name => direct.Contains(name) || taken.GetValueOrDefault(name) is WholeWeightsForm).ToArray();
        var parts = new List<FineTuningPart>();
        foreach (var form in forms)
        {
            string[] tensors = [.. target.Parameters.Select(parameter => parameter.Name).Where(name => ReferenceEquals(taken.GetValueOrDefault(name), form))];
            parts.AddRange(form.Describe(baseWeights, tensors, tensors.Length + own.Length == target.Parameters.Count, seed, probe));
        }

        RequireStorable(parts);
        return new() { Head = own, NewHead = baseWeights.Head, Seed = seed, Parts = parts };
    }

    // Before the training, and not when its result is saved: a strength in range can carry a gain or a scale out of it.
    private static void RequireStorable(IReadOnlyList<FineTuningPart> parts)
    {
        try
        {
            foreach (var part in parts)
                part.CheckNumbers();
        }
        catch (FormatException fault)
        {
            throw new ArgumentException($"{fault.Message}; no adapter of this change could be loaded.", "strength", fault);
        }
    }

    private static bool MovesNewHead(FineTuningBase baseWeights, IReadOnlyList<FineTuningForm> forms, IReadOnlyList<string>? layers) =>
        forms.Any(form => form.MovesNewHead
            && LayerPatterns.Select(baseWeights.Target, form.Layers ?? layers ?? [LayerPatterns.All], nameof(layers)).Intersect(baseWeights.Head).Any());

    private static Dictionary<string, FineTuningForm> Deal(
        FineTuningBase baseWeights, IReadOnlyList<FineTuningForm> forms, IReadOnlyList<string> layers, IReadOnlyList<string> direct)
    {
        var taken = new Dictionary<string, FineTuningForm>(StringComparer.Ordinal);
        foreach (var turn in forms.GroupBy(form => form.Turn).OrderBy(turn => turn.Key))
        {
            var gone = taken.Keys.ToHashSet(StringComparer.Ordinal);
            foreach (var form in turn)
                Take(form, [.. Choose(baseWeights, form, form.Layers ?? layers, direct).Where(name => form.Layers is not null || !gone.Contains(name))]);
        }

        return taken;

        void Take(FineTuningForm form, IReadOnlyList<string> tensors)
        {
            if (tensors.Count == 0)
                throw new ArgumentException(form.NothingToChange, nameof(layers));
            foreach (var tensor in tensors)
                if (!taken.TryAdd(tensor, form))
                    throw new ArgumentException(
                        $"'{tensor}' would be changed by {taken[tensor].Name} and by {form.Name}; a tensor is changed in one way. Name the layers of each.",
                        nameof(layers));
        }
    }

    // A new head that is trained directly needs no other way, but whole weights are the same way.
    private static IReadOnlyList<string> Choose(
        FineTuningBase baseWeights, FineTuningForm form, IReadOnlyList<string> layers, IReadOnlyList<string> direct)
    {
        var target = baseWeights.Target;
        var chosen = LayerPatterns.Select(target, layers, nameof(layers));
        return
        [
            .. target.Parameters.Where(parameter => chosen.Contains(parameter.Name) && form.Takes(baseWeights, parameter)).Select(parameter => parameter.Name)
                .Where(name => form is WholeWeightsForm || !direct.Contains(name)),
        ];
    }
}
