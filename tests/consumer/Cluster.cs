// A program outside the repository: a silo and a worker of it, which trains.
using System.Reflection;
using MappingNets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using TorchSharp;
using static TorchSharp.torch;

var builder = Host.CreateApplicationBuilder(args);
builder.Logging.ClearProviders();
builder.UseOrleans(silo => silo.UseLocalhostClustering().AddMappingNetsTraining());
using var host = builder.Build();
await host.StartAsync();

var network = TargetNetwork.Input(4).Linear(8).ReLU().Linear(3).Build("consumer");
using var data = Dataset.FromTensors(randn(32, 4), randint(0, 3, [32]).to(ScalarType.Int64), ["a", "b", "c"]);
using var model = MappingNetwork.For(network).SingleLatent(8).Build();
var trainer = new ClusterTrainer(
    host.Services.GetRequiredService<IClusterClient>(), "consumer", model, new TrainingOptions { Epochs = 3, BatchSize = 8, GradientAccumulation = 2 });
var report = await trainer.FitAsync(data);
await host.StopAsync();
var isCured = typeof(Tensor).GetMethod(nameof(Tensor.mul), [typeof(Scalar)])!.MethodImplementationFlags.HasFlag(MethodImplAttributes.NoOptimization);
Console.WriteLine($"{(isCured ? "cured" : "as shipped")}, {report.Steps} steps");
return double.IsFinite(report.History[^1].TrainingLoss) ? 0 : 1;
