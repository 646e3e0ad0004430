using System.Globalization;
using MappingNets;
using MappingNets.Experiments.ClusterFigures;
using MappingNets.Experiments.Reporting;
using TorchSharp;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
// Each worker is a thread with its own cores where there are enough; libtorch's own threads would mix them.
torch.set_num_threads(1);
_ = NativeHeap.RetainFreedMemory();
if (args.FirstOrDefault() == "worker")
    return await MeasuredWorker.Run(args[1..]);
var (folder, document, quick, seed) = (Path.Combine("artifacts", "cluster"), (string?)null, false, 1);
var (kills, parts) = ((int?)null, Measurements.Parts);
for (var place = 0; place < args.Length; place++)
    switch (args[place])
    {
        case "--out" when place + 1 < args.Length:
            folder = args[++place];
            break;
        case "--update" when place + 1 < args.Length:
            document = args[++place];
            break;
        case "--only" when place + 1 < args.Length:
            parts = args[++place].Split(',', StringSplitOptions.RemoveEmptyEntries);
            break;
        case "--kills" when place + 1 < args.Length && int.TryParse(args[place + 1], out var number) && number > 0:
            (kills, place) = (number, place + 1);
            break;
        case "--seed" when place + 1 < args.Length && int.TryParse(args[place + 1], out var first):
            (seed, place) = (first, place + 1);
            break;
        case "--quick":
            quick = true;
            break;
        default:
            return Explain();
    }

if (parts.Except(Measurements.Parts).Any())
    return Explain();
using var signals = new StopSignals();
try
{
    // Before the measurements, which take long.
    Directory.CreateDirectory(folder);
    if (document is not null)
        MarkedSection.Require(document, FigureReport.Section);
    if (kills is { } count)
        return await Faults.Run(count, seed, folder, signals.Token);
    await Measurements.Run(folder, parts, quick, signals.Token);
    FigureReport.Open(folder).Show(folder, document);
    return 0;
}
catch (OperationCanceledException) when (signals.Token.IsCancellationRequested)
{
    // By now every process and namespace that it had made is gone.
    Console.Error.WriteLine("Stopped. The report keeps what was finished.");
    return 130;
}
catch (Exception fault) when (ExampleProgram.IsAnswer(fault))
{
    return ExampleProgram.Refuse(fault);
}

static int Explain()
{
    Console.Error.WriteLine($"""
        Measures training by several workers on this machine, and writes report.json and pictures. Slow lines are network namespaces where
        this user may make some (root on Linux, with iproute2).
          --only PART,...  of {string.Join(", ", Measurements.Parts)}; the report keeps the other parts. An empty list only draws anew
          --quick          leave out the networks whose direct gradients take minutes
          --update FILE    also write the tables into the section "cluster figures" of a document
          --kills N        instead: train by processes, N of which are killed, join or are cut off at random, and compare with one process
          --seed N         what chooses them; 1 by default
          --out FOLDER     artifacts/cluster by default
        """);
    return 1;
}
