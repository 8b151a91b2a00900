import{a as D,b as p,d as i,e as E,f as m,g as u,h as T,j as F}from"./shared-landing-space.js";import{B as k,c as n,e as c,g as v,i as g,n as t,o as h}from"./shared-editor-landing-space.js";var r=!1;function L(){let e=T();return n`
    <header class="top"><span class="mark"></span><b>${h.product}</b></header>
    <main>
      <div>
        <h1>${t.headline}</h1>
        <p class="lead">${t.lead}</p>
        <form @submit=${w}>
          <label>${t.spaceName}<input name="space" placeholder=${t.spaceExample} autocomplete="off" maxlength="120" autofocus></label>
          <div class="pair">
            <label>${t.yourName}<input name="name" .value=${m()} autocomplete="nickname" maxlength="40" placeholder=${t.nameExample}></label>
            <button class="big">${t.start}</button>
          </div>
        </form>
        <form class="join" @submit=${y}>
          <label>${t.haveLink}<input name="link" placeholder=${t.pasteHere} autocomplete="off" autocapitalize="none" spellcheck="false"
            aria-invalid=${r} @paste=${H} @input=${()=>{r=!1,$()}}></label>
          ${r?n`<p role="alert">${t.notALink}</p>`:c}
        </form>
        ${e.length>0?n`<ul class="recent" aria-label=${t.recentSpaces}>${e.map(a=>n`
          <li><a href=${i(a.room)}>${g.page}<span dir="auto">${a.title||E(a.room)}</span><small>${k(new Date(a.at),new Date)}</small></a></li>`)}</ul>`:c}
      </div>
      ${S}
    </main>`}var{first:s,second:d,message:l}=t.picture,S=n`
  <div class="paper" aria-hidden="true">
    <h2>${t.picture.heading}</h2>
    <p>${s.before}<span class="selected c7">${s.selected}</span><span class="caret c7"><i>${s.person}</i></span>${s.after}</p>
    <p>${d.before}<span class="caret blink c4"><i>${d.person}</i></span>${d.after}</p>
    <div class="said"><span class="face c0" data-initials=${l.initials}></span><b>${l.person}</b><span><mark>${l.mention}</mark>${l.text}</span></div>
  </div>`;function w(e){e.preventDefault();let a=new FormData(e.currentTarget),o=f(a,"space");u(f(a,"name")||m());let b=D(o);F(b,o),location.assign(i(b))}function y(e){e.preventDefault(),x(f(new FormData(e.currentTarget),"link"))}function H(e){let a=e.clipboardData?.getData("text")??"";!a.includes("/s/")||p(a,location.origin)===null||(e.preventDefault(),x(a))}function x(e){if(e==="")return;let a=document.querySelector("input[name=name]")?.value.trim()??"";a!==""&&u(a);let o=p(e,location.origin);o!==null?location.assign(i(o)):(r=!0,$())}var f=(e,a)=>String(e.get(a)??"").trim();function $(){v(L(),document.body)}$();document.querySelector("input[name=space]")?.focus();
