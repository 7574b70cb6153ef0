"""The passwords that are tried first, here and elsewhere: folded (lower case, no accents), without blanks."""

from __future__ import annotations

COMMON = frozenset(
    """
    123456 1234567 12345678 123456789 1234567890 12345678910 0123456789 987654321 9876543210 87654321 11111111
    00000000 88888888 66666666 99999999 12341234 11223344 112233445566 123123123 123321123 147258369 159753456
    789456123 741852963 135792468 13579246810 102030405060 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qaz2wsx3edc qazwsxedc
    qazwsx zaq12wsx q1w2e3r4 a1b2c3d4 abc12345 abcd1234 abcdef abcdefgh abcabc aabbcc asd123 asdasd asdf1234
    asdfgh asdfghjk asdfghjkl zxcvbn zxcvbnm qwer1234 qwerty qwertyu qwertyui qwertyuiop qweasd qweasdzxc qweqwe
    password passw0rd passwort pass1234 passpass mypassword newpassword password1 p@ssw0rd letmein welcome
    welcome123 changeme default secret master admin admin123 administrator administrador root rootroot toor guest
    user username test testtest tester test1234 demo login logon system manager superuser sysadmin server oracle
    postgres postgresql database access service computer internet windows microsoft google facebook youtube
    iloveyou iloveu loveyou lovelove sunshine princess monkey dragon football baseball superman batman pokemon
    michael jordan jennifer michelle charlie thomas robert daniel andrew jessica ashley matthew anthony joshua
    nicole samsung nokia iphone apple android gmail yahoo hotmail minecraft naruto starwars whatever trustno
    trustnoone freedom shadow hunter killer soccer hockey ranger harley mustang corvette ferrari mercedes toyota
    flower summer winter spring autumn monday friday january december butterfly chocolate cookie cheese banana
    orange purple silver golden diamond angel angels lovely honey sweety baby babygirl forever family mother
    father hello helloworld hellohello goodluck lucky happy god jesus christ blessed thunder phoenix tiger
    matkhau matkhaumoi matkhaucu matkhaumacdinh matkhau123 matma khongcopass khongbiet khongnho quenmatkhau
    dangnhap taikhoan quantri quantrivien hethong nguoidung congchuc canbo coquan vanphong giamdoc phonggiamdoc
    anhyeuem emyeuanh yeuem yeuanh yeuemnhieu iuem iuanh anhnhoem emnhoanh toiyeuem toiyeuanh motminhem yeumai
    anhyeuemnhieu emyeuanhnhieu nguoiyeu chongyeu voyeu conyeu bome bomeyeu giadinh giadinhtoi hanhphuc
    maimaiyeuem maimai tinhyeu tinhban bancu congchua hoangtu thienthan khongyeu lavie
    vietnam vietnamvodich vietnamtoiyeu vietnam1945 viet123 toiyeuvietnam quehuong tinhthuong hochiminh
    hochiminhcity saigon hanoi hanoi123 danang haiphong cantho hue nhatrang dalat daklak buonmathuot buonmethuot
    taynguyen gianghia cujut dakmil krongno daksong dakrlap dakglong tuyduc lamdong binhphuoc gialai kontum
    nguyen nguyenvan nguyenthi nguyenvana nguyenthanh nguyenminh tranvan tranthi levan lethi phamvan phamthi
    hoangvan hoanglong minhanh minhduc minhquan tuananh ngocanh thanhcong thanhdat quanghuy ducanh hoanganh
    phuongthao phuonganh thuytrang thuylinh thanhhuyen khanhlinh baongoc giabao quocbao hungdung dungtran
    hoilamgi hoilamchi khongcogi muonnam vuive xinchao chaoban camon tambiet chucmung chucmungnammoi namoi
    tetnguyendan phattai phatloc locphat maymanthanhcong manchester manutd arsenal chelsea liverpool barcelona
    realmadrid ronaldo messi bongda bongdavietnam lienminh lienminhhuyenthoai lienquan dotavn zingme garena
    vinamilk viettel vietcombank agribank vietinbank techcombank mobifone vinaphone bidv
    motconvit motconvitxoerahaicaicanh batdau ketthuc mothaiba mothaibabon mothaibabonnam nammoi
    baohiem baohiemxahoi baohiemyte bhxhvn bhxhvietnam baohiemvietnam thebaohiem sobaohiem tuphucvu
    phongcntt cnttcntt bophanmotcua motcua tiepnhan caplaithe quanlythu capsothe thanhtra kiemtra kiemtravien
    """.split()  # noqa: SIM905 - hundreds of quotation marks would hide the words
)
