namespace MappingNets.Experiments.Reproduce;

/// <summary>One of the data sets that the pretrained ResNet is adapted to.</summary>
/// <param name="Source">What reports call it and tell about it.</param>
/// <param name="Label">What plots call it.</param>
/// <param name="PerClass">How many pictures of a class are trained with.</param>
/// <param name="TestPerClass">How many are tested with; at most all.</param>
/// <param name="IsSearched">Whether each method's learning rate is chosen on it; on the others the methods have the rates that were chosen there.</param>
/// <param name="Read">Reads so many training and test pictures of a class.</param>
internal sealed record PretrainedData(
    DataSource Source, string Label, int PerClass, int TestPerClass, bool IsSearched, Func<int, int, PretrainedPictures> Read)
{
    private const string Cifar = "cifar-10";
    private const string ManyOfCifar = "cifar-10-500";
    private const string CamVid = "camvid-squares";
    private const int All = 1_000;
    private const int EnoughSquares = 200;

    /// <summary>The data set that the command line names.</summary>
    /// <param name="options">The command line.</param>
    public static PretrainedData Named(ExperimentOptions options) => DataSource.Folder(options, Cifar, ManyOfCifar, CamVid) switch
    {
        null => new(
            new("fashion-mnist", "--pretrained FOLDER", "Data: FashionMNIST, scaled to 64 x 64; a ResNet-18 pretrained on ImageNet."), "FashionMNIST", 100, All, false,
            (training, test) =>
            {
                var (first, second) = FashionMnist.Load();
                return new(PictureSet.OfFashionMnist(first), PictureSet.OfFashionMnist(second), training, test);
            }),
        (CamVid, var folder) => new(
            Real(CamVid, "squares of 64 x 64 pixels of CamVid's street scenes, each of the class that half of its pixels are of"), "squares of CamVid", 100, All, false,
            (training, test) =>
            {
                var first = PictureSet.OfCamVid(folder, "train", null, EnoughSquares);
                return new(first, PictureSet.OfCamVid(folder, "test", first.ClassNames, EnoughSquares), training, test);
            }),
        var (name, folder) => new(
            Real(name, "CIFAR-10 in JPEG files, scaled to 64 x 64"), "CIFAR-10", name == Cifar ? 100 : 500, All, name == Cifar,
            (training, test) => new(PictureSet.Of(Path.Combine(folder, "train")), PictureSet.Of(Path.Combine(folder, "test")), training, test)),
    };

    private static DataSource Real(string name, string what) => new(
        name, $"--dataset {name}:FOLDER --pretrained FOLDER",
        $"Data: {what}; a ResNet-18 pretrained on ImageNet. The pictures are JPEG files, so accuracies are those of recompressed pictures.");
}
