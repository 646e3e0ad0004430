// A program outside the repository: it trains, and says whether its TorchSharp keeps the numbers alive that libtorch reads.
using System.Reflection;
using MappingNets;
using TorchSharp;
using static TorchSharp.torch;

var network = TargetNetwork.Input(4).Linear(8).ReLU().Linear(3).Build("consumer");
using var data = Dataset.FromTensors(randn(32, 4), randint(0, 3, [32]).to(ScalarType.Int64), ["a", "b", "c"]);
using var model = MappingNetwork.For(network).SingleLatent(8).Build();
var result = new Trainer(model, new TrainingOptions { Epochs = 3, BatchSize = 16, Loss = LossOptions.Complete }).Fit(data);
var isCured = typeof(Tensor).GetMethod(nameof(Tensor.mul), [typeof(Scalar)])!.MethodImplementationFlags.HasFlag(MethodImplAttributes.NoOptimization);
Console.WriteLine($"{(isCured ? "cured" : "as shipped")}, {2 * result.History.Count} steps");
return double.IsFinite(result.History[^1].TrainingLoss) ? 0 : 1;
