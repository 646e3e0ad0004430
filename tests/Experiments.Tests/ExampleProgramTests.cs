using System.Security.Cryptography;
using MappingNets.Experiments.Reporting;
using Xunit;

namespace MappingNets.Tests;

/// <summary>What the programs of experiments/ and examples/ answer with one line instead of a stack trace, and what they look at before they measure.</summary>
public sealed class ExampleProgramTests
{
    public static TheoryData<Exception> Answers =>
    [
        new DirectoryNotFoundException("nowhere"), new InvalidDataException("no section"), new UnauthorizedAccessException("not yours"), new ArgumentException("--seed"),
        new NotSupportedException("opset 22"), new ArithmeticException("diverged"), new CryptographicException("no certificate"), new HttpRequestException("nobody there"),
    ];

    [Theory]
    [MemberData(nameof(Answers))]
    public void WhatIsWrongWithArgumentsAndFilesIsAnAnswer(Exception fault) => Assert.True(ExampleProgram.IsAnswer(fault));

    [Fact]
    public void AFaultOfTheProgramIsNone() => Assert.False(ExampleProgram.IsAnswer(new NullReferenceException()));

    [Fact]
    public void ADocumentWithoutTheSectionIsRefusedBeforeAnythingIsMeasured()
    {
        using var folder = new TemporaryFolder();
        Assert.Throws<FileNotFoundException>(() => MarkedSection.Require(folder.File("missing.md"), "table"));
        var path = folder.Write("page.md", "<!-- table -->\n<!-- /table -->\n"u8.ToArray());
        MarkedSection.Require(path, "table");
        Assert.Contains("<!-- other -->", Assert.Throws<InvalidDataException>(() => MarkedSection.Require(path, "other")).Message);
    }
}
