namespace MappingNets.Experiments.Reporting;

/// <summary>Writes what a run has trained, in the smallest form that brings it back.</summary>
public static class RunFiles
{
    /// <summary>An adapter where the model has one, its trained tensors where it is generated, all weights otherwise.</summary>
    /// <param name="model">The trained model.</param>
    /// <param name="path">The file.</param>
    public static void Save(Model model, string path)
    {
        switch (model)
        {
            case MappedModel mapped:
                mapped.SaveAdapter(path);
                break;
            case FineTunedModel tuned:
                tuned.SaveAdapter(path);
                break;
            case GeneratedModel generated:
                generated.SaveTrained(path);
                break;
            default:
                model.Export(path);
                break;
        }
    }
}
