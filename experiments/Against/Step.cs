// Compiled once in each of the two versions that run.py compares, in place of an example's program: only what both of them have is used here.
using System.Globalization;
using MappingNets;
using TorchSharp;
using static TorchSharp.torch;

const int Batch = 128, Steps = 20;
manual_seed(1);
var cnn2 = Targets.Cnn2();
var lstm = Targets.Lstm(67, 24);
string[] classes = [.. Enumerable.Range(0, 10).Select(index => index.ToString(CultureInfo.InvariantCulture))];
using var images = Dataset.FromTensors(rand(Batch * Steps, 1, 28, 28), randint(0, 10, [Batch * Steps]).to(ScalarType.Int64), classes);
using var series = Dataset.FromTensors(rand(Batch * Steps, 24, 67), rand(Batch * Steps, 1));
Dictionary<string, Func<double>> kinds = new()
{
    ["direct"] = () => Step(DirectModel.For(cnn2, 1), images, LossOptions.TaskOnly),
    ["slvt"] = () => Step(MappingNetwork.For(cnn2).SingleLatent(2048).Build(), images, LossOptions.TaskOnly),
    ["lwt"] = () => Step(MappingNetwork.For(cnn2).LayerWise(2688).Build(), images, LossOptions.TaskOnly),
    ["terms"] = () => Step(MappingNetwork.For(cnn2).SingleLatent(2048).Build(), images, LossOptions.Complete),
    ["lstm"] = () => Step(MappingNetwork.For(lstm).SingleLatent(1024).Build(), series, LossOptions.TaskOnly),
};

// Asked for a kind by each line of the input, it answers with the median of an epoch's steps in milliseconds.
Console.WriteLine("ready");
while (Console.ReadLine() is { } kind)
    Console.WriteLine(kinds[kind]().ToString(CultureInfo.InvariantCulture));

static double Step(Model model, Dataset data, LossOptions loss)
{
    using (model)
        return new Trainer(model, new() { Epochs = 1, BatchSize = Batch, Seed = 1, Loss = loss }).Fit(data).MedianStepMilliseconds;
}
