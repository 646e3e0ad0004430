// A network of 993,845,258 weights, trained on FashionMNIST by an ordinary machine: streamed, each layer's weights are generated when it
// computes and forgotten afterwards. Held in memory, weights and gradients would take 8 GB, and Adam's averages 8 GB more.
// Arguments: the steps (6), the width of a layer (4096), the layers (60), the images of a step (48); FashionMNIST is looked for in the usual places.
using System.Diagnostics;
using MappingNets;
using TorchSharp;
using static TorchSharp.torch;

OneLine.ForFaults();
int Argument(int place, int otherwise) => args.Length > 4 ? throw new ArgumentException($"There are four arguments at most; '{args[4]}' is one too many.")
    : args.Length <= place ? otherwise : int.TryParse(args[place], out var number) && number > 0 ? number
    : throw new ArgumentException($"All arguments are whole numbers of at least 1; '{args[place]}' is none.");
var (steps, width, depth, size) = (Argument(0, 6), Argument(1, 4096), Argument(2, 60), Argument(3, 48));

// Large blocks, which are the gradients of a layer, go back to the system; all others stay in the heap.
NativeHeap.RetainFreedMemory(below: 1 << 20);
var (train, test) = FashionMnist.Load();
using (train)
using (test)
{
    var before = Environment.WorkingSet;
    var layers = TargetNetwork.Input(1, 28, 28).Flatten().Linear(width);
    for (var layer = 1; layer < depth; layer++)
        layers = layers.Residual(inner => inner.LayerNorm().ReLU().Linear(width));
    var target = layers.LayerNorm().ReLU().Linear(10).Build("larger-than-memory");
    using var model = MappingNetwork.For(target).SingleLatent(2048).WithSeed(1).Streamed().Build();
    model.PrintTrainableParameters();

    using var optimizer = optim.Adam(model.parameters(), lr: 0.05);
    var clock = Stopwatch.StartNew();
    var step = 0;
    foreach (var batch in Enumerable.Range(1, int.MaxValue).SelectMany(epoch => train.Batches(size, seed: 1, epoch)).Take(steps))
        using (batch)
        using (NewDisposeScope())
        {
            optimizer.zero_grad();
            var loss = nn.functional.cross_entropy(model.call(batch.Inputs), batch.Targets);
            loss.backward();
            optimizer.step();
            Console.WriteLine($"step {++step,2}: loss {loss.ToSingle():F3}, {clock.Elapsed.TotalSeconds:F0} s, {(Environment.WorkingSet - before) >> 20:N0} MB beyond the start");
        }

    using var few = test.Take(500);
    Console.WriteLine($"On 500 test images: {Evaluation.Of(model, few)}");
    var file = Path.Combine(Directory.CreateDirectory(Path.Combine("artifacts", "larger-than-memory")).FullName, "adapter.safetensors");
    model.SaveAdapter(file);
    Console.WriteLine($"The adapter has {new FileInfo(file).Length:N0} bytes: {file}");
}
