// A U-Net names the class of each pixel, trained directly and through latents.
//
//   Segmentation                             synthetic pictures of discs and bars
//   Segmentation PICTURES MASKS CLASS ...    a folder of PNG or JPEG pictures, a folder of grey PNG masks with the same names whose
//                                            grey value is the class's number (255 for none), and the classes' names
using System.Globalization;
using MappingNets;
using TorchSharp;
using static TorchSharp.torch;

const int Height = 32, Width = 64;
OneLine.ForFaults();
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
_ = NativeHeap.RetainFreedMemory();
using var pictures = args is [var images, var masks, .. { Length: > 1 } classes] ? Open(images, masks, classes) : args is [] ? Draw(64)
    : throw new ArgumentException($"There is '{string.Join(' ', args)}'; it takes PICTURES, MASKS and at least two classes, or nothing.");
var (train, test) = pictures.SplitHoldOut(0.25, seed: 1);
using (train)
using (test)
{
    var target = Targets.Cnn3(pictures.ClassNames.Count, Height, Width);
    Console.WriteLine($"{train.Count:N0} pictures to train with, {test.Count:N0} to judge by; {target}");
    using var direct = DirectModel.For(target, seed: 1);
    using var mapped = MappingNetwork.For(target).LayerWise(9126).WithSeed(1).Build();
    foreach (var model in new Model[] { direct, mapped })
    {
        new Trainer(model, new() { Epochs = 10, BatchSize = 4, Seed = 1 }).Fit(train);
        var result = ConfusionMatrix.Of(model, test, batchSize: 8);
        Console.WriteLine(
            $"{model.Method,-6} {model.TrainableCount,9:N0} trained: {100 * result.Accuracy:F2}% of the pixels right, mIoU {result.MeanIntersectionOverUnion:F4}");
        for (var number = 0; number < pictures.ClassNames.Count; number++)
            Console.WriteLine($"  {pictures.ClassNames[number],-16} IoU {result.IntersectionOverUnion(number):F4}");
    }

    mapped.SaveAdapter(Path.Combine(Directory.CreateDirectory(Path.Combine("artifacts", "segmentation")).FullName, "segmentation.safetensors"));
}

// Decoded once rather than in every epoch, as long as all fit into memory.
static Dataset Open(string images, string masks, string[] classes)
{
    using var files = SegmentationFolder.Open(images, masks, classes, Height, Width);
    return files.ToMemory();
}

// Noise, with a bright disc and a dark bar in each picture.
static Dataset Draw(int count)
{
    using var scope = NewDisposeScope();
    using var generator = new Generator(1);
    Tensor Uniform(double low, double high) => (rand([count, 1, 1], generator: generator) * (high - low)) + low;

    var (rows, columns) = (arange(Height, dtype: float32).view(1, -1, 1), arange(Width, dtype: float32).view(1, 1, -1));
    var isDisc = ((rows - Uniform(8, 24)).square() + (columns - Uniform(8, 56)).square()).lt(Uniform(20, 60));
    var isBar = (rows - Uniform(2, 30)).abs().lt(2.5).logical_and(isDisc.logical_not()).expand(count, Height, Width);
    var labels = isDisc.to(int64) + (2 * isBar.to(int64));
    var inputs = (randn([count, 3, Height, Width], generator: generator) * 0.4) + isDisc.to(float32).unsqueeze(1) - isBar.to(float32).unsqueeze(1);
    Console.WriteLine("Synthetic data: discs and bars in noise; the shares do not carry over to photographs.");
    return Dataset.FromTensors(inputs, labels, ["ground", "disc", "bar"]);
}
