using Orleans;

namespace MappingNets.Tests;

/// <summary>The federated worker of docs/cluster.md, here so that it is compiled and run.</summary>
internal static class FederatedWorker
{
    public static async Task Run(IGrainFactory cluster, Model model, Dataset ownData)
    {
        // <page>
        var local = new TrainingOptions { BatchSize = 32, Schedule = LearningRateSchedule.Constant };
        var options = new FederatedOptions { Workers = 3, Rounds = 10, LocalSteps = 20, HidesChanges = true };
        await new FederatedTrainer(cluster, "hospitals", model, local, options).FitAsync(ownData);
        // </page>
    }
}
