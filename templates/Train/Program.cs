// Trains a classifier on a folder with a folder of pictures for each class, such as pictures/cat/*.jpg and pictures/dog/*.jpg:
//     dotnet run -c Release -- pictures
using MappingNets;

const int Side = 32;
_ = NativeHeap.RetainFreedMemory();
if (args is not [var folder])
{
    Console.Error.WriteLine("Name the folder of the classes' folders: dotnet run -c Release -- pictures");
    return 2;
}

// A folder that is not there, or a picture that is damaged, is one line on the error stream.
AppDomain.CurrentDomain.UnhandledException += (_, thrown) =>
{
    if (thrown.ExceptionObject is Exception fault and (IOException or ArgumentException or UnauthorizedAccessException or TrainingDivergedException))
    {
        Console.Error.WriteLine(fault.Message);
        Environment.Exit(1);
    }
};
using var all = ImageFolder.Open(folder, Side, Side);
var (training, heldOut) = all.SplitStratified(0.2, seed: 1);
using (training)
using (heldOut)
using (var augmented = training.Augmented(Augmentation.None.FlipHorizontally().Shift(2), seed: 1))
{
    var network = Targets.ResNet32(all.ClassNames.Count, channels: 3, side: Side);
    using var model = MappingNetwork.For(network).LayerWise(8192).WithSeed(1).Build();
    model.PrintTrainableParameters();

    // Rare classes count as much as frequent ones.
    var options = new TrainingOptions { Epochs = 10, BatchSize = 32, RestoreBest = true, Seed = 1, TaskLoss = TaskLoss.CrossEntropy(training.BalancedWeights()) };
    var report = new Trainer(model, options).Fit(augmented, heldOut, new Progress());
    Console.WriteLine(report);

    model.SaveAdapter("adapter.safetensors");
    Console.WriteLine($"adapter.safetensors: {new FileInfo("adapter.safetensors").Length:N0} bytes. Load it with MappedModel.LoadAdapter.");
}

return 0;

internal sealed class Progress : IProgress<TrainingProgress>
{
    public void Report(TrainingProgress value)
    {
        if (value.CompletedEpoch is { } epoch)
            Console.WriteLine(epoch);
    }
}
