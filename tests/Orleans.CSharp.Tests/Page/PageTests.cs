using MappingNets.Experiments.ClusterDemo;
using Xunit;

namespace MappingNets.Tests;

/// <summary>The programs of docs/cluster.md are those that are compiled and run here.</summary>
[Collection("cluster")]
public sealed class PageTests(ClusterFixture fixture)
{
    private static readonly string Page = RepositoryRoot.Read("docs/cluster.md");

    [Theory]
    [InlineData("LocalWorker.cs")]
    [InlineData("RemoteWorker.cs")]
    [InlineData("RemoteClient.cs")]
    [InlineData("FederatedWorker.cs")]
    public void TheProgramIsTheOneThatCompilesHere(string file) => Assert.Contains($"\n{string.Join('\n', Marked(file))}\n```", Page);

    [Fact]
    public async Task TheLocalWorkersTrainToOneModel()
    {
        using var data = Small.Classes();
        using var one = Small.Slvt();
        using var other = Small.Slvt();
        var (port, gateway) = (RedisServer.FreePort(above: 1), RedisServer.FreePort(above: 1));
        var reports = await Task.WhenAll(
            LocalWorker.Run(one, data, 0, port, gateway), LocalWorker.Run(other, data, 1, port, gateway));
        Assert.All(reports, report => Assert.Equal(2, report.Steps));
        Assert.Equal(ClusterTrainerTests.Bits(one), ClusterTrainerTests.Bits(other));
    }

    [Fact]
    public async Task TheFederatedWorkersTrainToOneModel()
    {
        Model[] models = [Small.Slvt(), Small.Slvt(), Small.Slvt()];
        await Task.WhenAll(models.Select(async (model, place) =>
        {
            using var data = Small.Classes(40, (ulong)place);
            await FederatedWorker.Run(fixture.Grains, model, data);
        }));
        Assert.All(models, model => Assert.Equal(ClusterTrainerTests.Bits(models[0]), ClusterTrainerTests.Bits(model)));
        foreach (var model in models)
            model.Dispose();
    }

    private static string[] Marked(string file) =>
    [
        .. RepositoryRoot.Read($"tests/Orleans.CSharp.Tests/Page/{file}").Split('\n')
            .SkipWhile(line => line.Trim() != "// <page>").Skip(1).TakeWhile(line => line.Trim() != "// </page>")
            .Select(line => line.Length == 0 ? line : line[8..]),
    ];
}
