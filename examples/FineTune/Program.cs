using System.Globalization;
using MappingNets;
using MappingNets.Examples.FineTune;

OneLine.ForFaults();
_ = NativeHeap.RetainFreedMemory();
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args.Length > 2 || args is ["--help" or "-h"])
{
    Console.WriteLine("""
        Fine-tunes an ONNX network on a folder of pictures through 8,192 parameters, for two customers, and serves both with ONNX Runtime.

          PICTURES  a folder of PNG and JPEG files for each class; synthetic pictures by default
          MODEL     an ONNX network for pictures of three channels, or the folder of the NuGet package
                    Microsoft.ML.DnnImageFeaturizer.ResNet18 0.23.1; without it, a small network is trained on synthetic pictures first

        The adapters, the network and a picture of ten predictions go to artifacts/fine-tune.
        """);
    return args.Length > 2 ? 1 : 0;
}

var results = Directory.CreateDirectory(Path.Combine("artifacts", "fine-tune")).FullName;
using var pictures = args is [var folder, ..] ? Pictures.Load(folder) : Pictures.Synthetic(seed: 1, turn: 0.3);
Console.WriteLine(pictures.Origin);
var network = args is [_, var model] ? Network.Load(model) : Network.PretrainSmall(Path.Combine(results, "pretrained.onnx"));
Story.Run(network.WithHead(pictures.Classes.Count), pictures, results);
return 0;
