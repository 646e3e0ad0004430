using MappingNets.Experiments.Reporting;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Stress;

/// <summary>Builds, trains, saves, loads and disposes models of one kind, over and over.</summary>
internal sealed class TrainingSoak(ModelKind kind, string folder)
{
    private const int UncountedRounds = 3;

    private long parameters;
    private long steps;

    /// <summary>Runs rounds for a time.</summary>
    public SoakResult Run(TimeSpan time)
    {
        var clock = new SoakClock(time);
        var (rounds, wrong, tensors, first) = (0L, 0L, 0L, "");
        string? fault = null;
        try
        {
            while (clock.GoesOn(rounds) || rounds <= UncountedRounds)
            {
                if (rounds == UncountedRounds)
                {
                    ProcessMemory.Collect();
                    (tensors, parameters) = (Tensor.TotalCount, 0);
                }

                var digest = Round();
                first = rounds == 0 ? digest : first;
                wrong += digest == first ? 0 : 1;
                rounds++;
            }
        }
        catch (Exception one)
        {
            fault = $"{one.GetType().Name}: {one.Message.Split('\n')[0]}";
        }

        ProcessMemory.Collect();
        return new(kind.Name, rounds, steps, 0, parameters, Tensor.TotalCount - tensors, wrong, fault, clock.Taken);
    }

    private string Round()
    {
        var (resumeFile, saved) = (Path.Combine(folder, "run.safetensors"), Path.Combine(folder, "saved.safetensors"));
        var (model, count) = kind.Train(resumeFile);
        using (model)
        {
            File.Delete(resumeFile);
            steps += count;
            Count(model, kind.OtherParameters);
            RunFiles.Save(model, saved);
            var digest = WeightDigest.Of(model, folder);
            // Loading builds a model of the kind to know its network.
            Count(model, besides: 0);
            using var loaded = kind.Load(saved);
            Count(loaded, besides: 0);
            using var data = kind.Data();
            using var answer = loaded.Predict(data.Inputs);
            return WeightDigest.Of(loaded, folder) == digest ? digest : "what was loaded differs";
        }
    }

    private void Count(Model model, int besides) => parameters += model.parameters().Count() + besides;
}
