using System.Globalization;
using MappingNets;
using MappingNets.Experiments.ClusterFigures;
using TorchSharp;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
_ = NativeHeap.RetainFreedMemory();
// Each worker is a thread with its own cores where there are enough; libtorch's own threads would mix them.
torch.set_num_threads(1);
var (folder, kills, quick) = (Path.Combine("artifacts", "cluster"), (int?)null, false);
for (var place = 0; place < args.Length; place++)
    switch (args[place])
    {
        case "--out" when place + 1 < args.Length:
            folder = args[++place];
            break;
        case "--kills" when place + 1 < args.Length && int.TryParse(args[place + 1], out var number) && number > 0:
            (kills, place) = (number, place + 1);
            break;
        case "--quick":
            quick = true;
            break;
        default:
            Console.Error.WriteLine("""
                Measures training by several workers on this machine, and writes report.json and table.md.
                  --quick        leave out the networks whose direct gradients take minutes
                  --kills N      instead: train by processes of which N are killed at random, and compare with one process
                  --out FOLDER   artifacts/cluster by default
                """);
            return 1;
    }

Directory.CreateDirectory(folder);
return kills is { } count ? await Kills.Run(count, folder) : await Figures.Run(folder, quick);
