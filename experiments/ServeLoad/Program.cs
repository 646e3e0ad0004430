using System.Globalization;
using MappingNets;
using MappingNets.Experiments.ServeLoad;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
_ = NativeHeap.RetainFreedMemory();
var (folder, document, draws) = (Path.Combine("artifacts", "serve"), (string?)null, false);
var settings = new Settings();
for (var place = 0; place < args.Length; place++)
    switch (args[place])
    {
        case "--out" when place + 1 < args.Length:
            folder = args[++place];
            break;
        case "--update" when place + 1 < args.Length:
            document = args[++place];
            break;
        case "--seconds" when place + 1 < args.Length && int.TryParse(args[place + 1], out var seconds) && seconds > 0:
            (settings, place) = (settings with { Seconds = seconds }, place + 1);
            break;
        case "--rounds" when place + 1 < args.Length && int.TryParse(args[place + 1], out var rounds) && rounds > 0:
            (settings, place) = (settings with { Rounds = rounds }, place + 1);
            break;
        case "--threads" when place + 1 < args.Length && int.TryParse(args[place + 1], out var threads) && threads > 0:
            (settings, place) = (settings with { Threads = threads }, place + 1);
            break;
        case "--draw":
            draws = true;
            break;
        default:
            Console.Error.WriteLine("""
                Starts examples/Serve with 1 and with 1,000 adapters, sends it pictures from several clients at once, and writes report.json and pictures.
                  --seconds N    how long a round of a case lasts; 10 by default
                  --rounds N     how many there are, of which each figure is the median; 5 by default
                  --threads N    libtorch's threads in the service; 1 by default, for the clients need a core too
                  --draw         measure nothing; draw the report of --out anew
                  --update FILE  also write the table into the section "serve figures" of a document
                  --out FOLDER   artifacts/serve by default
                """);
            return 1;
    }

Directory.CreateDirectory(folder);
if (!draws)
    (await Measurement.Run(settings)).Write(folder);
LoadReport.Read(folder).Show(folder, document);
return 0;
